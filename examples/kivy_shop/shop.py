"""A shop for model boats: four screens, a carousel, a scroll view, a slider, a popup.

It knows nothing of the capture.
"""

from collections.abc import Callable
from typing import Any

from kivy.app import App
from kivy.properties import NumericProperty, StringProperty
from kivy.uix.button import Button
from kivy.uix.popup import Popup
from kivy.uix.screenmanager import Screen
from kivy.uix.widget import Widget

BOATS = [(f"Boat {number}", 10.0 + number) for number in range(1, 31)]


class HomeScreen(Screen):
    """Offers, and the opening hours."""


class CatalogueScreen(Screen):
    """All boats, one a row."""


class ProductScreen(Screen):
    """One boat."""

    item = StringProperty()
    price = NumericProperty()


class CheckoutScreen(Screen):
    """What is in the basket."""


class ConfirmPopup(Popup):
    """Asks before anything is bought."""


class ShopApp(App):
    """The shop.

    Attributes
    ----------
    on_sale : callable
        Called with the total (EUR) of each sale.
    """

    title = "Boats"
    count = NumericProperty()
    total = NumericProperty()

    def __init__(self, on_sale: Callable[[float], Any] = float, **options: Any) -> None:
        super().__init__(**options)
        self.on_sale = on_sale

    def build(self) -> Widget:
        """Fill the catalogue; the rest is in shop.kv, which Kivy loads by the app's name."""
        rows = self.root.get_screen("catalogue").ids.rows
        for name, price in BOATS:
            row = Button(text=f"{name}, {price:.0f} EUR", size_hint_y=None, height="64dp")
            row.analytics_id = name.lower().replace(" ", "_")
            row.bind(on_release=lambda _, item=name, cost=price: self.open_item(item, cost))
            rows.add_widget(row)
        return self.root

    def show(self, screen: str) -> None:
        """Go to a screen."""
        self.root.current = screen

    def open_item(self, item: str, price: float) -> None:
        """Show one boat."""
        product = self.root.get_screen("product")
        product.item, product.price = item, price
        self.show("product")

    def add(self, price: float, amount: int) -> None:
        """Put boats into the basket."""
        self.count += amount
        self.total += price * amount
        self.show("checkout")

    def ask(self) -> None:
        """Ask whether to buy."""
        ConfirmPopup().open()

    def buy(self, popup: Popup) -> None:
        """Buy what is in the basket."""
        popup.dismiss()
        self.on_sale(self.total)
        self.count = self.total = 0
        self.show("home")
