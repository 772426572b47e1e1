"""A page on loopback to try gestures with a finger, a pen or a mouse (needs the extra ``[demo]``).

The page sends its pointer events over a WebSocket; the engine recognises them, and the page shows each
gesture with its reason and the batch as it fills. Nothing leaves the machine, and nothing is kept.
"""

from __future__ import annotations

from capture.demo.server import DemoServer, serve

__all__ = ["DemoServer", "serve"]
