"""The screen of the run before, for the batches that leave before the app's window is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.events.config import DeviceConfig
    from capture.events.device import Device

__all__ = ["last_screen", "screen_of"]

#: Facts about the screen, and the largest value that is believed.
_FACTS = {"width": 1 << 20, "height": 1 << 20, "density": 10}


def screen_of(device: Device) -> dict[str, float]:
    """Return the facts about the screen, as the state of the store has them; none if it is not known."""
    return {name: getattr(device, name) for name in _FACTS} if device.width and device.height else {}


def last_screen(state: Mapping[str, Any], config: DeviceConfig) -> dict[str, Any]:
    """Return the facts about the screen that the state has and ``[device]`` does not give."""
    found = state.get("screen")
    if not isinstance(found, dict) or not all(
        type(found.get(name)) in {int, float} and 0 <= found[name] <= most for name, most in _FACTS.items()
    ):
        return {}
    facts = {name: found[name] for name in _FACTS}
    facts["orientation"] = int(found["width"] > found["height"])
    return {name: fact for name, fact in facts.items() if getattr(config, name) is None}
