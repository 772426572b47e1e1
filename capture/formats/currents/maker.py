"""From domain events to canonical records: sessions, mapping, personal data, bounds.

A `RecordMaker` is told the events of one user in the order of recording, and answers with the records
that are due before and for each. No clock is read and nothing is stored here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import LogOnce
from capture.formats.currents.float32 import shortest
from capture.formats.currents.mapping import MAPPING
from capture.formats.currents.pii import Pii
from capture.formats.currents.schema import EVENTS, MAX_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config.run import RunConfig
    from capture.events.device import Device
    from capture.events.domain import Event

__all__ = ["Facts", "Made", "OpenSession", "RecordMaker"]

_log = logging.getLogger("capture.currents")
_encode = msgspec.json.Encoder().encode
_SESSION = "users.behaviors.app."
_LOCATION = "users.behaviors.Location"
_PLACE = ("latitude", "longitude", "altitude")
_MAX_TIME_S = 2**31 - 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Whose records they are.

    Attributes
    ----------
    user_id, device_id : str
        Random ids of the user and of the installation.
    external_user_id : str or None
        The host's own id of the user.
    platform : str or None
        Kind of device.
    ad_id, ad_id_type : str or None
        Advertising id, and what kind of id it is.
    ad_tracking_enabled : bool or None
        Whether the user lets advertising track the device.
    """

    user_id: str
    device_id: str | None = None
    external_user_id: str | None = None
    platform: str | None = None
    ad_id: str | None = None
    ad_id_type: str | None = None
    ad_tracking_enabled: bool | None = None


class OpenSession(msgspec.Struct, frozen=True, gc=False):
    """A session that has its SessionStart, and no SessionEnd yet; times in ms since the epoch."""

    number: int
    session_id: str
    first_ms: int
    last_ms: int


class Made(msgspec.Struct, frozen=True, gc=False):
    """A record, ready to be stored: session number, time (ms since the epoch), id, canonical JSON."""

    session: int
    time_ms: int
    id: str
    payload: bytes


class RecordMaker:
    """Makes the records of one user.

    Parameters
    ----------
    config : RunConfig
        Sections ``project``, ``currents`` and ``privacy``.
    device : Device
    facts : Facts
    salt : str
        Of the installation, for hashed personal data.
    new_id : callable
        Makes a UUID from a name that follows from the first event of a session: at random in a live app,
        derived from the name in a replay.
    on_drop : callable
        Called with a cause for each record that could not be made.

    Attributes
    ----------
    session : OpenSession or None
        The open session; set it to go on with one that an earlier process opened.

    Raises
    ------
    ConfigError
        When ``[privacy] pii`` is wrong.
    """

    def __init__(
        self,
        config: RunConfig,
        device: Device,
        facts: Facts,
        *,
        salt: str,
        new_id: Callable[[str], str],
        on_drop: Callable[[str], None],
    ) -> None:
        self.session: OpenSession | None = None
        self.device = device
        self.facts = facts
        self._project = config.project
        self._group_id = config.currents.app_group_id
        self._pii = Pii(config.privacy.pii, salt)
        self._new_id = new_id
        self._on_drop = on_drop
        self._log_once = LogOnce(_log)
        self._heads: dict[str, bytes] = {}

    def change(self, *, device: Device | None = None, **facts: Any) -> None:
        """Use other facts about device or user from now on."""
        self.device = device or self.device
        self.facts = msgspec.structs.replace(self.facts, **facts)
        self._heads.clear()

    def replace_ids(self, new_id: Callable[[str], str]) -> None:
        """Take ids from somewhere else: a forked child must not make its parent's."""
        self._new_id = new_id

    def take(self, event: Event) -> list[Made]:
        """Return the records that an event makes due, in order; its own, if it has one, is the last.

        An event of another session than the one before ends that session and starts its own.
        """
        common = event.common
        number, time_ms = common.session_number, common.time_ms
        session = self.session
        made: list[Made] = []
        if session is None or session.number != number:
            made += self.end()
            made += self._start(number, time_ms, common.event_id)
        else:
            self.session = OpenSession(number, session.session_id, session.first_ms, time_ms)
        event_type, fields_of = MAPPING[type(event)]
        try:
            fields = fields_of(event)
        except OverflowError:
            self._drop("float_range", event_type)
            return made
        made += self._made(event_type, number, time_ms, common.event_id, fields)
        return made

    def end(self) -> list[Made]:
        """Return the SessionEnd of the open session, if there is one, and forget the session."""
        session, self.session = self.session, None
        if session is None:
            return []
        # A wall clock that was set back makes no negative length.
        duration = shortest(max(0, session.last_ms - session.first_ms) / 1000)
        return self._made(
            f"{_SESSION}SessionEnd",
            session.number,
            session.last_ms,
            self._new_id(f"SessionEnd {session.session_id}"),
            {"session_id": session.session_id, "duration": duration},
        )

    def bucket(self, number: int, time_ms: int, *, session: int = 1) -> list[Made]:
        """Return the RandomBucketNumberUpdate of a new user, kept with the first `session`."""
        return self._made(
            "users.RandomBucketNumberUpdate",
            session,
            time_ms,
            self._new_id(f"random bucket {self.facts.user_id}"),
            {"random_bucket_number": number},
        )

    def _start(self, number: int, time_ms: int, event_id: str) -> list[Made]:
        session_id = self._new_id(f"session {event_id}")
        self.session = OpenSession(number, session_id, time_ms, time_ms)
        made: list[Made] = []
        for name in ("FirstSession", "SessionStart") if number == 1 else ("SessionStart",):
            record_id = self._new_id(f"{name} {session_id}")
            made += self._made(f"{_SESSION}{name}", number, time_ms, record_id, {"session_id": session_id})
        return made

    def _made(
        self, event_type: str, session: int, time_ms: int, record_id: str, own: Mapping[str, Any]
    ) -> list[Made]:
        time_s = time_ms // 1000
        if not 0 <= time_s <= _MAX_TIME_S:
            return self._drop("time_range", event_type)
        fields = {"id": record_id, "time": time_s, **own}
        if event_type == _LOCATION and not self._protect(fields):
            return self._drop("pii", event_type)
        head = self._heads.get(event_type)
        if head is None:
            head = self._heads[event_type] = self._head(event_type)
        payload = head + _encode(fields)[1:]
        if len(payload) > MAX_RECORD_BYTES:
            return self._drop("too_large", event_type)
        return [Made(session, time_ms, record_id, payload)]

    def _protect(self, fields: dict[str, Any]) -> bool:
        """Apply ``[privacy] pii`` to where the user is; False where a required field is not to be told."""
        for name in _PLACE:
            value = self._pii.protected(name, fields.pop(name, None))
            if value is not None:
                fields[name] = value
            elif name in EVENTS[_LOCATION].required:
                return False
        return True

    def _head(self, event_type: str) -> bytes:
        """Return the start of a record's JSON: what does not change from event to event."""
        facts, device, pii = self.facts, self.device, self._pii
        ad_id = pii.protected("ad_id", facts.ad_id)
        known = {
            "user_id": facts.user_id,
            "external_user_id": pii.protected("external_user_id", facts.external_user_id),
            "device_id": facts.device_id,
            "app_group_id": self._group_id,
            "app_id": self._project.app_id,
            "platform": facts.platform,
            "os_version": device.os_version or None,
            "device_model": device.device_model,
            "timezone": device.timezone or None,
            "ad_id": ad_id,
            "ad_id_type": None if ad_id is None else facts.ad_id_type,
            "ad_tracking_enabled": facts.ad_tracking_enabled,
        }
        names = EVENTS[event_type].source_fields
        fields = {name: value for name, value in known.items() if value is not None and name in names}
        return _encode({"event_type": event_type, **fields})[:-1] + b","

    def _drop(self, cause: str, event_type: str) -> list[Made]:
        self._on_drop(f"currents_{cause}")
        self._log_once(cause, logging.WARNING, "a %s record is dropped (%s), and counted", event_type, cause)
        return []
