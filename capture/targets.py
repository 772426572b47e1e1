"""Documented path of `capture.events.targets`."""

from capture.events.targets import ROOT, Target, escape_name, view_path

__all__ = ["ROOT", "Target", "escape_name", "view_path"]
