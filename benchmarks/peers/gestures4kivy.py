"""gestures4kivy, fed the same touches: its widget with Kivy's window and clock, no event loop."""

import os


def build():
    """Return (down, move, up), each a function of (x, y), on a CommonGestures widget."""
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    os.environ.setdefault("KIVY_NO_ARGS", "1")
    os.environ.setdefault("KIVY_NO_FILELOG", "1")
    os.environ.setdefault("KIVY_NO_CONSOLELOG", "1")
    os.environ.setdefault("KIVY_GL_BACKEND", "mock")
    from gestures4kivy import CommonGestures
    from kivy.input.motionevent import MotionEvent
    from kivy.uix.widget import Widget

    class Pad(CommonGestures, Widget):
        pass

    class Touch(MotionEvent):
        def depack(self, args):
            self.is_touch = True
            self.sx, self.sy = args
            self.profile = ["pos"]
            super().depack(args)

    pad = Pad(size=(1000, 1000))
    touch = None

    def at(x, y):
        touch.move((x / 1000, y / 1000))
        touch.scale_for_screen(1000, 1000)

    def down(x, y):
        nonlocal touch
        touch = Touch("bench", 1, (x / 1000, y / 1000))
        at(x, y)
        pad.on_touch_down(touch)

    def move(x, y):
        at(x, y)
        pad.on_touch_move(touch)

    def up(x, y):
        at(x, y)
        touch.update_time_end()
        pad.on_touch_up(touch)

    return down, move, up
