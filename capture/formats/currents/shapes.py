"""The bodies of analytics partners, from canonical records, by tables: source field -> path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from capture.formats.currents.schema import EVENTS, SESSION_START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["AMPLITUDE", "MIXPANEL", "Options", "Shape"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
#: How a partner tells the host's own properties from ours.
_PROPERTY_PREFIXES = {
    "users.behaviors.CustomEvent": "[Custom event property] ",
    "users.behaviors.Purchase": "[Purchase property] ",
}
#: Keys of custom properties that are remembered with their prefix.
_MAX_NAMES = 1000
#: Kind of an advertising id -> Amplitude's own key for it; it has none for the others.
_AD_KEYS = {"ios_idfa": "idfa", "google_ad_id": "adid"}
#: Fields that stay in storage.
_STORAGE_ONLY = frozenset(
    {"user_id", "name", "properties", "timezone", "country", "gender", "language", "sdk_version"}
)


class Options(msgspec.Struct, frozen=True):
    """Settings of ``[currents]`` for partners.

    Attributes
    ----------
    event_prefix : str
        In front of every event name, but those of custom events.
    custom_event_prefix : str or None
        In front of the names of custom events; None: `event_prefix`.
    custom_properties : {"prefixed", "none"}
        Whether the host's own properties go along.
    """

    event_prefix: str = ""
    custom_properties: Literal["prefixed", "none"] = "prefixed"
    custom_event_prefix: str | None = None

    def name(self, partner_name: str, own_name: str) -> str:
        """Return the name of an event; `partner_name` is empty for a custom event, which has its own."""
        if partner_name or self.custom_event_prefix is None:
            return self.event_prefix + (partner_name or own_name)
        return self.custom_event_prefix + own_name


class _Names(dict[str, str]):
    """Keys with their prefix; the same texts each time, since most events have the same keys."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __missing__(self, key: str) -> str:
        if len(self) > _MAX_NAMES:
            self.clear()
        text = self[key] = self._prefix + key
        return text


class Shape:
    """How one partner wants events.

    Parameters
    ----------
    event_key : str
        Top-level key of the event's name.
    container : str
        Top-level key of the object that properties are in.
    paths : mapping of str to str
        Source field -> path, segments joined with ``/``; a field that is not in it goes into the container
        under its own name.
    event_paths : mapping
        The same for single events, over `paths`.
    constants : mapping of str to str
        Path -> fields that are always there.
    max_text : int
        Characters of a custom property's text; the rest is cut off.
    max_custom : int
        Custom properties of an event; the others are left out.
    max_depth, max_items : int
        Nesting and length of a custom property; a deeper value becomes JSON text, a longer text is cut.
    finish : callable, optional
        Called with the partner's event, the record and the options: for changes that no path can describe.
    """

    def __init__(
        self,
        *,
        event_key: str,
        container: str,
        paths: Mapping[str, str],
        constants: Mapping[str, str],
        max_text: int,
        max_custom: int,
        max_depth: int,
        max_items: int,
        event_paths: Mapping[str, Mapping[str, str]] | None = None,
        finish: Callable[[dict[str, Any], Mapping[str, Any], Options], None] | None = None,
    ) -> None:
        self.container = container
        self._event_key = event_key
        self._max_text = max_text
        self._max_custom = max_custom
        fitting = int | float | bool | Annotated[str, msgspec.Meta(max_length=max_text)] | None
        #: Refuses custom properties that have to be fitted.
        self._decode_fitting = msgspec.json.Decoder(
            Annotated[dict[str, fitting], msgspec.Meta(max_length=max_custom)]
        ).decode
        self._max_depth = max_depth
        self._max_items = max_items
        self._finish = finish
        places = [(*path.rpartition("/"), value) for path, value in constants.items()]
        self._constants = {key: value for outer, _, key, value in places if not outer}
        self._inner_constants = {key: value for outer, _, key, value in places if outer}
        known = event_paths or {}
        self._names = {prefix: _Names(prefix) for prefix in _PROPERTY_PREFIXES.values()}
        #: Event -> (source field, key at the top) and (source field, key in the container).
        self._plans: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {}
        for event, schema in EVENTS.items():
            if schema.partner_name is None:
                continue
            top: list[tuple[str, str]] = []
            inner: list[tuple[str, str]] = []
            for field in schema.source_fields:
                if field in _STORAGE_ONLY:
                    continue
                path = {**paths, **known.get(event, {})}.get(field, f"{container}/{field}")
                outer, _, key = path.rpartition("/")
                (inner if outer else top).append((field, key))
            self._plans[event] = (top, inner)

    def takes(self, event: str) -> bool:
        """Return whether the partner has such an event."""
        return event in self._plans

    def places(self, event: str) -> dict[str, str]:
        """Return where each source field of an event goes, as a path; empty for an event that it lacks."""
        if not self.takes(event):
            return {}
        top, inner = self._plans[event]
        own_name = [("name", self._event_key)] if "name" in EVENTS[event].source_fields else []
        return dict([*own_name, *top, *((field, f"{self.container}/{key}") for field, key in inner)])

    def make(self, record: Mapping[str, Any], options: Options) -> dict[str, Any]:
        """Return the partner's event of a canonical record, without the fields that only its sink knows.

        Parameters
        ----------
        record : mapping
            Of an event that the partner takes.
        options : Options
        """
        event = record["event_type"]
        top, inner = self._plans[event]
        name = options.name(EVENTS[event].partner_name or "", record.get("name", ""))
        shaped: dict[str, Any] = {self._event_key: name}
        for field, key in top:
            if field in record:
                shaped[key] = record[field]
        properties = {key: record[field] for field, key in inner if field in record}
        shaped |= self._constants
        properties |= self._inner_constants
        prefix = _PROPERTY_PREFIXES.get(event)
        if prefix is not None and options.custom_properties == "prefixed":
            self._add_custom(properties, prefix, record["properties"])
        if properties:
            shaped[self.container] = properties
        if self._finish is not None:
            self._finish(shaped, record, options)
        return shaped

    def _add_custom(self, properties: dict[str, Any], prefix: str, text: str) -> None:
        try:
            custom = self._decode_fitting(text)
        except msgspec.ValidationError:
            items = list(_decode(text).items())[: self._max_custom]
            custom = {key: self._fitted(value, self._max_depth) for key, value in items}
        names = self._names[prefix]
        for key, value in custom.items():
            properties[names[key]] = value

    def _fitted(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return value[: self._max_text]
        if not isinstance(value, (dict, list)):
            return value
        if depth == 0:
            return msgspec.json.encode(value).decode()[: self._max_text]
        if isinstance(value, list):
            return [self._fitted(item, depth - 1) for item in value[: self._max_items]]
        items = list(value.items())[: self._max_items]
        return {key: self._fitted(item, depth - 1) for key, item in items}


def _finish_amplitude(shaped: dict[str, Any], record: Mapping[str, Any], options: Options) -> None:
    """Set the time in ms, Amplitude's own session id, and the advertising id under the key of its kind."""
    shaped["time"] = record["time"] * 1000
    # A number at the top; the UUID of the session stays among the properties. Not of the glossary.
    if options.custom_properties == "prefixed" and SESSION_START in record:
        shaped["session_id"] = record[SESSION_START]
    key = _AD_KEYS.get(record.get("ad_id_type", ""))
    if key is not None and "ad_id" in record:
        shaped[key] = record["ad_id"]


AMPLITUDE = Shape(
    event_key="event_type",
    container="event_properties",
    paths={"id": "insert_id", "time": "time", "external_user_id": "user_id", "device_id": "device_id"},
    event_paths={"users.behaviors.Purchase": {"price": "price", "product_id": "productId"}},
    constants={"library": "Braze"},
    max_text=1024,
    max_custom=1000,
    max_depth=16,
    max_items=1000,
    finish=_finish_amplitude,
)

MIXPANEL = Shape(
    event_key="event",
    container="properties",
    paths={
        "id": "properties/$insert_id",
        "external_user_id": "properties/distinct_id",
        "device_model": "properties/$device",
        "os_version": "properties/$os",
    },
    constants={"properties/$partner_id": "braze"},
    max_text=255,
    # Fewer than 255 with our own, of which there are 20.
    max_custom=230,
    max_depth=2,
    max_items=254,
)
