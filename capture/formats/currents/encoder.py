"""From domain events to canonical records: sessions, mapping, personal data, bounds."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import LogOnce
from capture.formats.base import Encoder, Row, Source
from capture.formats.currents.float32 import shortest
from capture.formats.currents.gestures import GestureProperties
from capture.formats.currents.mapping import CUSTOM, GESTURES, MAPPING
from capture.formats.currents.pii import Pii
from capture.formats.currents.schema import EVENTS, MAX_RECORD_BYTES, SESSION_START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.events.device import Device
    from capture.events.domain import Event

__all__ = ["BUCKETS", "CurrentsEncoder", "random_bucket"]

#: Random bucket numbers are 0 to 9999.
BUCKETS = 10_000
_log = logging.getLogger("capture.currents")
_encode = msgspec.json.Encoder().encode
_SESSION = "users.behaviors.app."
_LOCATION = "users.behaviors.Location"
_PLACE = ("latitude", "longitude", "altitude")
_MAX_TIME_S = 2**31 - 1


def random_bucket() -> int:
    """Return the random bucket number of a new user."""
    return secrets.randbelow(BUCKETS)


#: Stored state of an open session.
_NOTED = ("session_id", "session_first_ms", "session_first_boot_ms", "session_user")


class _OpenSession(msgspec.Struct, gc=False):
    """A session that has its SessionStart, and no SessionEnd yet.

    Attributes
    ----------
    number : int
    session_id : str
    first_ms, last_ms : int
        Times of its first and its last event (ms since the epoch).
    first_boot_ms, last_boot_ms : int or None
        Their uptimes; the first is None in a replay, and where the session goes over a restart of the
        machine.
    user : str or None
        The host's id of the user at its start.
    """

    number: int
    session_id: str
    first_ms: int
    last_ms: int
    first_boot_ms: int | None
    last_boot_ms: int | None
    user: str | None

    @property
    def duration_s(self) -> float:
        """Elapsed time, by the boot clock where that is known; a wall clock may be set meanwhile."""
        if self.first_boot_ms is not None and self.last_boot_ms is not None:
            return max(0, self.last_boot_ms - self.first_boot_ms) / 1000
        return max(0, self.last_ms - self.first_ms) / 1000


class CurrentsEncoder(Encoder):
    """Makes the records of one user: those of events, and those of sessions in front of them.

    Ids of records that have no event follow from the first event of the session, by name.

    Raises
    ------
    ConfigError
        When ``[privacy] pii`` is wrong.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pii = Pii(source.config.privacy.pii, source.salt)
        self._device = source.device
        self._gestures = GestureProperties(source.config, source.device)
        self._log_once = LogOnce(_log)
        self._heads: dict[str, bytes] = {}
        state = source.state
        #: The bucket of a new user, until it is recorded.
        self._bucket: int | None = None
        if "device_id" not in state:
            state["device_id"] = source.new_id(f"device {source.user_id}")
            if source.is_live:
                self._bucket = state["random_bucket_number"] = random_bucket()
        self._facts: dict[str, Any] = {
            "external_user_id": state.get("external_user_id"),
            "platform": _platform(source.device.device_manufacturer) if source.is_live else None,
        }
        session, session_id = source.session, state.get("session_id")
        self._session = (
            _OpenSession(
                session.number,
                session_id,
                state["session_first_ms"],
                state.get("last_event_ms", session.last_event_ms),
                state.get("session_first_boot_ms"),
                state.get("boot_ms"),
                state.get("session_user", state.get("external_user_id")),
            )
            if session_id is not None and session.number
            else None
        )
        #: Whether the user has had no session.
        self._is_new = not session.number
        #: Whether the next event of that session comes after a restart of the machine.
        self._rebooted = not state.get("is_this_boot", True)

    def change(self, device: Device, **facts: Any) -> None:
        """Use other facts about device or user from now on."""
        self._device = device
        self._gestures.set_device(device)
        self._facts |= facts
        self._heads.clear()

    def forget(self) -> None:
        """Forget the open session: another process ends it, and had the first one of the user."""
        self._session = None
        self._is_new = False

    def state(self, session: int) -> dict[str, Any]:
        """Return the id of a session and when it began, as long as it is open."""
        known = self._session
        if known is None or known.number != session:
            return dict.fromkeys(_NOTED)
        values = (known.session_id, known.first_ms, known.first_boot_ms, known.user)
        return dict(zip(_NOTED, values, strict=True))

    def encode(self, event: Event) -> list[Row]:
        """Return the records that an event makes due, in order; its own, if it has one, is the last.

        An event of another session than the one before ends that session and starts its own.
        """
        common = event.common
        number, time_ms = common.session_number, common.time_ms
        session = self._session
        rows: list[Row] = []
        if session is None or session.number != number:
            rows += self.end()
            session, made = self._start(number, time_ms, common.uptime_ms, common.event_id)
            rows += made
        else:
            session.last_ms, session.last_boot_ms = time_ms, common.uptime_ms
            if self._rebooted:
                session.first_boot_ms = None
        self._session = session
        self._rebooted = False
        event_type, fields_of = MAPPING.get(type(event), (CUSTOM, None))
        try:
            fields = self._gesture(event, session) if fields_of is None else fields_of(event)
        except OverflowError:
            self._drop("float_range", event_type)
            return rows
        rows += self._made(event_type, session, time_ms, common.event_id, fields)
        return rows

    def _gesture(self, event: Any, session: _OpenSession) -> dict[str, Any]:
        return {"name": GESTURES[type(event)], "properties": self._gestures.text(event, session.session_id)}

    def begin(self, time_ms: int) -> list[Row]:
        """Return the RandomBucketNumberUpdate of a new user, which is sent with the first session."""
        number, self._bucket = self._bucket, None
        if number is None:
            return []
        record_id = self._source.new_id(f"random bucket {self._source.user_id}")
        fields = {"random_bucket_number": number}
        return self._made("users.RandomBucketNumberUpdate", None, time_ms, record_id, fields)

    def end(self) -> list[Row]:
        """Return the SessionEnd of the open session, if there is one, and forget the session."""
        session, self._session = self._session, None
        if session is None:
            return []
        duration = shortest(session.duration_s)
        return self._made(
            f"{_SESSION}SessionEnd",
            session,
            session.last_ms,
            self._source.new_id(f"SessionEnd {session.session_id}"),
            {"session_id": session.session_id, "duration": duration},
            head=self._head(f"{_SESSION}SessionEnd", session.user),
        )

    def _start(
        self, number: int, time_ms: int, uptime_ms: int, event_id: str
    ) -> tuple[_OpenSession, list[Row]]:
        session_id = self._source.new_id(f"session {event_id}")
        user = self._facts["external_user_id"]
        # A replay has the log's time alone.
        boot_ms = uptime_ms if self._source.is_live else None
        session = _OpenSession(number, session_id, time_ms, time_ms, boot_ms, boot_ms, user)
        rows: list[Row] = []
        first, self._is_new = self._is_new or number == 1, False
        for name in ("FirstSession", "SessionStart") if first else ("SessionStart",):
            record_id = self._source.new_id(f"{name} {session_id}")
            rows += self._made(f"{_SESSION}{name}", session, time_ms, record_id, {"session_id": session_id})
        return session, rows

    def _made(  # noqa: PLR0917 - fields of a record
        self,
        event_type: str,
        session: _OpenSession | None,
        time_ms: int,
        record_id: str,
        fields: Mapping[str, Any],
        head: bytes | None = None,
    ) -> list[Row]:
        time_s = time_ms // 1000
        if not 0 <= time_s <= _MAX_TIME_S:
            return self._drop("time_range", event_type)
        record = {"id": record_id, "time": time_s, **fields}
        if session is not None:
            record[SESSION_START] = session.first_ms
        if event_type == _LOCATION and not self._protect(record):
            return self._drop("pii", event_type)
        head = head or self._heads.get(event_type)
        if head is None:
            head = self._heads[event_type] = self._head(event_type, self._facts["external_user_id"])
        payload = head + _encode(record)[1:]
        if len(payload) > MAX_RECORD_BYTES:
            return self._drop("too_large", event_type)
        return [Row(1 if session is None else session.number, time_ms, record_id, payload)]

    def _protect(self, fields: dict[str, Any]) -> bool:
        """Apply ``[privacy] pii`` to where the user is; False if a required field may not be recorded."""
        for name in _PLACE:
            value = self._pii.protected(name, fields.pop(name, None))
            if value is not None:
                fields[name] = value
            elif name in EVENTS[_LOCATION].required:
                return False
        return True

    def _head(self, event_type: str, user: str | None) -> bytes:
        """Return the constant start of a record's JSON."""
        source, facts, device, pii = self._source, self._facts, self._device, self._pii
        ad_id = pii.protected("ad_id", facts.get("ad_id"))
        known = {
            "user_id": source.user_id,
            "external_user_id": pii.protected("external_user_id", user),
            "device_id": source.state["device_id"],
            "app_group_id": source.config.currents.app_group_id,
            "app_id": source.config.project.app_id,
            "platform": facts["platform"],
            "os_version": device.os_version or None,
            "device_model": device.device_model,
            "timezone": device.timezone or None,
            "ad_id": ad_id,
            "ad_id_type": None if ad_id is None else facts.get("ad_id_type"),
            "ad_tracking_enabled": facts.get("ad_tracking_enabled"),
        }
        names = EVENTS[event_type].source_fields
        fields = {name: value for name, value in known.items() if value is not None and name in names}
        return _encode({"event_type": event_type, **fields})[:-1] + b","

    def _drop(self, cause: str, event_type: str) -> list[Row]:
        self._source.on_drop(f"currents_{cause}")
        self._log_once(cause, logging.WARNING, "a %s record is dropped (%s), and counted", event_type, cause)
        return []


def _platform(manufacturer: str | None) -> str | None:
    """Return the kind of this device where the table of platforms has it."""
    if sys.platform == "ios":
        return "ios"
    if sys.platform == "android" or "ANDROID_ARGUMENT" in os.environ:
        return "kindle" if (manufacturer or "").lower() == "amazon" else "android"
    return "web" if sys.platform == "emscripten" else None
