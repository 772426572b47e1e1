"""The host's filter of events: `Capture.before_send`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from capture.errors import InvalidEventError
from capture.events.checks import same_event
from capture.formats import native
from capture.formats.currents import api

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from capture.events import domain as events

__all__ = ["filtered"]

_log = logging.getLogger("capture.engine")


def filtered(
    before_send: Callable[[events.Event], events.Event | None], event: events.Event, dropped: Counter[str]
) -> events.Event | None:
    """Return the event after the host's filter; None, counted as dropped, if it may not be recorded."""
    try:
        result = before_send(event)
        if result is not None:
            changed = event
            if result is not event:
                changed = same_event(event, result)
                native.check(changed)
            # Properties may be changed in place.
            api.check_event(changed)
            return changed
    except InvalidEventError as error:
        # Without the value: it is of the user.
        name = str(error).partition(" = ")[0]
        _log.error("before_send failed: %s: wrong in a %s; it is dropped", name, type(event).__name__)
    except Exception:  # noqa: BLE001 - the host's code may raise anything; it could not judge the event
        _log.exception("before_send failed; the event is dropped")
    except BaseException:
        dropped["before_send"] += 1
        raise
    dropped["before_send"] += 1
    return None
