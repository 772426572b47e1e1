"""A recorder whose events become Currents records as well, in the same append.

The records of sessions have no native event: they go in front of the event that makes them due.
"""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING, Any

from capture.engine.recorder import Recorder
from capture.errors import StoreError
from capture.formats.currents.maker import Facts, OpenSession, RecordMaker
from capture.formats.currents.pii import Pii
from capture.ids import random_ids
from capture.store.rows import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.clock import Clock
    from capture.config.run import RunConfig
    from capture.engine.app_data import AppData
    from capture.events.device import Device
    from capture.events.domain import Event
    from capture.events.session import SessionState
    from capture.formats.currents.maker import Made
    from capture.store.store import Store

__all__ = ["BUCKETS", "CurrentsRecorder", "platform", "random_bucket"]

#: Random bucket numbers are 0 to 9999.
BUCKETS = 10_000


def random_bucket() -> int:
    """Return the random bucket number of a new user."""
    return secrets.randbelow(BUCKETS)


def platform(manufacturer: str | None) -> str | None:
    """Return the kind of this device where the table of platforms has it."""
    if sys.platform == "ios":
        return "ios"
    if sys.platform == "android" or "ANDROID_ARGUMENT" in os.environ:
        return "kindle" if (manufacturer or "").lower() == "amazon" else "android"
    return "web" if sys.platform == "emscripten" else None


class CurrentsRecorder(Recorder):
    """Records events in the wire format ``currents`` too; parameters as for `Recorder`.

    Raises
    ------
    ConfigError
        When ``[privacy] pii`` is wrong.
    """

    def __init__(self, config: RunConfig, clock: Clock, device: Device, wires: Iterable[str]) -> None:
        Pii(config.privacy.pii, "")
        self._records: RecordMaker | None = None
        super().__init__(config, clock, device, [name for name in wires if name != "currents"])

    def attach(self, data: AppData) -> None:
        """Record into an installation; end the session that it left open, if that is over."""
        super().attach(data)
        store, state = data.store, data.state
        if store is None:
            return
        new_user = "device_id" not in state
        if new_user:
            state.update(device_id=self._new_id(), random_bucket_number=random_bucket())
            store.write_state({**state, **super().carried(self.session)})
        new_id = random_ids()
        self._records = records = RecordMaker(
            self._config,
            self.device,
            Facts(
                user_id=state["user_id"],
                device_id=state["device_id"],
                external_user_id=state.get("external_user_id"),
                platform=platform(self.device.device_manufacturer),
            ),
            salt=state.get("salt", ""),
            new_id=lambda _: new_id(),
            on_drop=self._lost,
        )
        session, session_id = self.session, state.get("session_id")
        if session_id is not None and session.number:
            records.session = OpenSession(
                session.number, session_id, state["session_first_ms"], session.last_event_ms
            )
        if not self._sampled:
            return
        time_ms = self._now()[0]
        if new_user:
            self._store_records(store, records.bucket(state["random_bucket_number"], time_ms))
        if session.is_over(time_ms, self._timeout_ms) and not store.is_live(session.number):
            self._end_session(store)

    def stop(self) -> None:
        """Record nothing any more; a session that is over by now gets its end."""
        store, session = self._store, self.session
        if (
            store is not None
            and session.is_over(self._now()[0], self._timeout_ms)
            and (self._claimed or not store.is_live(session.number))
        ):
            self._end_session(store)
        super().stop()

    def detach(self) -> None:
        """Forget the user as well."""
        super().detach()
        self._records = None

    def after_fork(self) -> None:
        """Go on in a forked child; the parent ends its session itself."""
        super().after_fork()
        if self._records is not None:
            new_id = random_ids()
            self._records.session = None
            self._records.replace_ids(lambda _: new_id())

    def set_device(self, device: Device) -> None:
        """Use other facts from now on."""
        super().set_device(device)
        self.change_facts()

    def change_facts(self, **facts: Any) -> None:
        """Use other facts about the user from now on: fields of `Facts`."""
        if self._records is not None:
            self._records.change(device=self.device, **facts)

    def carried(self, state: SessionState) -> dict[str, Any]:
        """Return what the store remembers of a session, its id included as long as it is open."""
        known = super().carried(state)
        session = None if self._records is None else self._records.session
        if session is not None and session.number == state.number:
            known |= {"session_id": session.session_id, "session_first_ms": session.first_ms}
        else:
            known |= {"session_id": None, "session_first_ms": None}
        return known

    def _open_session(self, last: int, time_ms: int) -> SessionState:
        """Open a session; the one before is forgotten where another process is still in it."""
        records, store, before = self._records, self._store, self.session.number
        if records is not None and store is not None and not self._claimed and store.is_live(before):
            records.session = None
        return super()._open_session(last, time_ms)

    def _append(
        self, store: Store, event: Event, payloads: list[tuple[str, bytes]], state: SessionState
    ) -> None:
        if self._records is None:
            super()._append(store, event, payloads, state)
            return
        common = event.common
        before = self._records.take(event)
        if before and before[-1].id == common.event_id:
            payloads.append(("currents", before.pop().payload))
        if not before:
            store.append(
                common.session_number,
                payloads,
                time_ms=common.time_ms,
                event_id=common.event_id,
                state=self.carried(state),
            )
            return
        rows = [*map(_stored, before)]
        if payloads:
            rows.append(StoredEvent(common.session_number, payloads, common.time_ms, common.event_id))
        self._append_rows(store, rows, self.carried(state))

    def _end_session(self, store: Store) -> None:
        self._store_records(store, [] if self._records is None else self._records.end())

    def _store_records(self, store: Store, made: list[Made]) -> None:
        self._append_rows(store, [*map(_stored, made)], self.carried(self.session))

    def _append_rows(self, store: Store, rows: list[StoredEvent], state: dict[str, Any]) -> None:
        """Store several rows in one transaction; one by one, in memory, where that cannot be had now."""
        try:
            store.append_many(rows, state=state)
        except StoreError:
            for row in rows:
                store.append(
                    row.session, row.payloads, time_ms=row.time_ms, event_id=row.event_id, state=state
                )

    def _lost(self, cause: str) -> None:
        self.dropped[cause] = self.dropped.get(cause, 0) + 1


def _stored(record: Made) -> StoredEvent:
    return StoredEvent(record.session, [("currents", record.payload)], record.time_ms, record.id)
