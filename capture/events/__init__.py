"""The domain events, with full names: one struct each, all with the common section."""

from capture.events.domain import *  # noqa: F403 - the names are listed there, once
from capture.events.domain import __all__ as __all__
