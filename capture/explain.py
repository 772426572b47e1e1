"""Documented path of `capture.gestures.explain`."""

from capture.gestures.explain import Condition, Explanation, Rival, explain, render

__all__ = ["Condition", "Explanation", "Rival", "explain", "render"]
