"""The native core: touch samples in, stroke records out; evdev text and events to touch samples.

It imports nothing else of the package, knows numbers only (`capture.gestures` wraps the enums) and raises
builtin exceptions. Only native modules import a module that is not in `IMPORTED_BY`.
"""

#: Module -> the packages that import it.
IMPORTED_BY = {
    "batch": ("gestures",),
    "chords": ("gestures", "scale"),
    "output": ("gestures", "scale"),
    "recognizer": ("gestures",),
    "sample_columns": ("gestures",),
    "seams": ("gestures",),
    "sweep": ("gestures", "scale"),
    "float32": ("formats",),
    "encoder": ("engine",),
    "guard": ("delivery", "engine", "store"),
    "journal": ("store",),
    "journal_scan": ("store",),
    "evdev.frames": ("integrations", "logs"),
    "evdev.text": ("logs",),
}
