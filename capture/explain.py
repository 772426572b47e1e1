"""Documented path of `capture.gestures.explain`."""

from capture.gestures.conditions import Condition
from capture.gestures.explain import Explanation, Rival, explain, render

__all__ = ["Condition", "Explanation", "Rival", "explain", "render"]
