"""Whatever happens between two calls of the system: another process, a failing disk, a folder that goes.

Each operation of a store runs once for each point at which it uses its folder; there something happens. Every
fifth of the points here; ``CAPTURE_SOAK=1`` takes all.
"""

import errno
import os
import shutil
import sys
import uuid
from contextlib import suppress
from functools import partial
from zlib import crc32

import pytest
from journal_events import drain, event_id, number_of, put

from capture.errors import StoreError
from capture.events.privacy import OPTED_OUT
from capture.store import Store, StoredEvent, buffer, context as module
from capture.store.files import files_of
from capture.testing import FakeClock

USER, OTHER = (str(uuid.UUID(int=n)) for n in (7, 8))
#: Numbers of events that each process records itself.
OWN, THEIRS = 1000, 2000

SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="deletes what is open")


class Points:
    """Counts the calls of the system that name something in a folder, and does something at one of them."""

    EVENTS = frozenset({"open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.link", "os.mkdir"})

    def __init__(self):
        self.folder, self.left, self.happen, self.events = None, 0, None, self.EVENTS
        self._stat = os.stat
        os.stat = self._looked_at
        sys.addaudithook(self._audited)

    def run(self, folder, at, happen, sent, operation):
        """Run an operation with something happening at a point; return whether it came to that."""
        self.folder, self.left, self.happen = os.fspath(folder), at, partial(happen, folder, sent)
        # A name cannot be looked at and deleted in one call: no look is the last.
        self.events = (
            self.EVENTS - {"os.remove", "os.link", "os.rename"} if happen is is_replaced else self.EVENTS
        )
        try:
            operation()
        finally:
            self.folder = None
        return self.left <= 0

    def passed(self):
        """Note that a point is passed."""
        self.left -= 1
        if self.left == 0:
            folder, self.folder = self.folder, None
            try:
                self.happen()
            finally:
                self.folder = folder

    def _audited(self, event, values):
        if self.folder is not None and event in self.events:
            self._count(values[0] if values else None)

    def _looked_at(self, path, *values, **options):
        if self.folder is not None:
            self._count(path)
        return self._stat(path, *values, **options)

    def _count(self, path):
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder):
            self.passed()


@pytest.fixture(scope="module")
def points():
    made = Points()
    yield made
    made.folder = None
    os.stat = made._stat


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A folder with two ended sessions, dead letters, and a batch that was tried."""
    folder = tmp_path_factory.mktemp("before") / "store"
    store = opened(folder)
    store.write_state({"user_id": USER})
    for session in (1, 2):
        store.claim_session(session)
        put(store, session * 100, session * 100 + 12, session=session)
    store.release_session()
    store.move_to_dead_letters("a", store.next_batch("a", 2), "refused")
    batch = store.next_batch("a", 3)
    store.begin_send("a", batch)
    store.end_send("a", batch)
    store.close()
    return folder


STORED = frozenset([*range(100, 112), *range(200, 212)])


class Sent(set):
    """What reached a sink."""

    def take(self, store, most=10**6):
        """Deliver as a worker does."""
        for _ in range(most):
            batch = store.next_batch("a", 5)
            if batch is None:
                return
            if store.begin_send("a", batch):
                self.update(map(number_of, batch.event_ids))
                store.end_send("a", batch)
                store.acknowledge("a", batch)


def opened(folder, **more):
    return Store(folder, formats={"a": "native"}, clock=FakeClock(), **more)


# What the store under test does


def append(store, _):
    session = store.last_session() + 1
    while not store.claim_session(session, new=True):
        session += 1
    put(store, OWN, OWN + 40, session=session)
    rows = [
        StoredEvent(session + 1, [("native", b"%d" % n)], 2**41, event_id(n)) for n in (OWN + 40, OWN + 41)
    ]
    store.append_many(rows)


def note(store, sent):
    store.describe_session(store.last_session() + 1, {"is": "noted"})
    append(store, sent)
    store.last_state()


def deliver(store, sent):
    with suppress(StoreError):
        sent.take(store)


def give_up(store, _):
    with suppress(StoreError):
        batch = store.next_batch("a", 5)
        if batch is not None and store.begin_send("a", batch):
            store.end_send("a", batch)
            store.move_to_dead_letters("a", batch, "refused")


def upkeep(store, _):
    with suppress(StoreError):
        store.upkeep()


def count(store, _):
    with suppress(StoreError):
        store.pending("a")
        goal = store.goal("a")
        store.reached("a", goal)
        store.pending("a")


def retry(store, _):
    with suppress(StoreError):
        if store.claim_delivery() and store.delivers:
            store.retry()


def purge(store, _):
    with suppress(StoreError):
        if store.claim_delivery() and store.delivers:
            store.purge()


def state(store, _):
    with suppress(StoreError):
        store.read_state()
    store.last_state()
    with suppress(StoreError):
        store.first_state({"user_id": USER})
    store.write_state({"user_id": USER, "more": 1})


def look(store, _):
    with suppress(StoreError):
        buffer.status(store.folder)
    with suppress(StoreError):
        [*buffer.export(store.folder), *buffer.export(store.folder, dead=True)]


OPERATIONS = (append, note, deliver, give_up, upkeep, count, retry, purge, state, look)


# What happens meanwhile


def other_delivers(folder, sent):
    """Another process takes what is there, if nobody delivers."""
    with Other(folder) as store:
        sent.take(store)
        store.upkeep()


def other_purges(folder, sent):
    with Other(folder) as store:
        if store.claim_delivery() and store.delivers:
            sent.update(_pending(store))
            store.purge()


def other_records(folder, _):
    with Other(folder) as store:
        session = store.last_session() + 1
        if store.claim_session(session, new=True):
            put(store, THEIRS, THEIRS + 5, session=session)


def other_retries(folder, _):
    with Other(folder) as store:
        if store.claim_delivery() and store.delivers:
            store.retry()


def opts_out(folder, _):
    (folder / OPTED_OUT).touch()
    opened(folder).destroy()


def goes(folder, _):
    folder.rename(folder.with_name("gone"))
    shutil.rmtree(folder.with_name("gone"))


def is_replaced(folder, _):
    goes(folder, None)
    store = opened(folder)
    store.write_state({"user_id": OTHER})
    store.claim_session(1)
    put(store, THEIRS, THEIRS + 5)
    store.close()


def fails(*_):
    """One call of the system fails."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


class Other:
    """A store of another process of the app."""

    def __init__(self, folder):
        self.store = opened(folder)

    def __enter__(self):
        self.store.read_state()
        return self.store

    def __exit__(self, *_):
        self.store.close()


def _pending(store):
    return {number_of(event.event_id) for event in buffer.export(store.folder)}


def dead(folder):
    return {number_of(event.event_id) for event in buffer.export(folder, dead=True)}


def each_point(points, before, folder, operation, happen, *, started):
    """Run an operation once for each of its points; yield the store behind it, and what was sent."""
    first = 1 if SOAK else 1 + crc32(f"{operation.__name__}{happen.__name__}{started}".encode()) % 5
    for at in range(first, 1000, 1 if SOAK else 5):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        sent, store = (
            Sent(),
            opened(folder, pwrite=lambda *call: (points.folder and points.passed(), os.pwrite(*call))[1]),
        )
        store.read_state()
        if started:
            store.claim_session(store.last_session() + 1, new=True)
            put(store, OWN + 100, OWN + 110, session=store.last_session())
            store.claim_delivery()
        came = points.run(folder, at, happen, sent, partial(operation, store, sent))
        if not came:
            store.close()
            return
        yield store, sent
    raise AssertionError("it never ends")


def each_case(*happenings):
    return [
        pytest.param(
            operation, happen, started, id=f"{operation.__name__}-{happen.__name__}{'-started' * started}"
        )
        for operation in OPERATIONS
        for happen in happenings
        for started in (False, True)
    ]


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 2_000)


@pytest.mark.parametrize(
    ("operation", "happen", "started"), each_case(other_delivers, other_purges, other_records, other_retries)
)
def test_another_process_comes_between(points, before, tmp_path, operation, happen, started):
    folder = tmp_path / "store"
    for store, sent in each_point(points, before, folder, operation, happen, started=started):
        pending = store.pending("a").count
        assert pending >= 0
        dropped = dict(store.dropped)
        store.close()
        assert dropped == store.dropped
        assert set(dropped) <= ({"purged"} if operation is purge else set())
        if operation is purge:
            continue
        with Other(folder) as last:
            sent.update(drain(last))
            assert last.dropped == {}
        own = set(range(OWN, OWN + 42)) if operation in {append, note} else set()
        expected = STORED | own | (set(range(OWN + 100, OWN + 110)) if started else set())
        if happen is other_records:
            expected |= set(range(THEIRS, THEIRS + 5))
        # A purge takes the dead letters as well.
        assert expected <= sent | dead(folder) | ({100, 101} if happen is other_purges else set())


@pytest.mark.parametrize(("operation", "happen", "started"), each_case(opts_out, goes, is_replaced))
def test_the_folder_is_taken_away(points, before, tmp_path, operation, happen, started):
    folder = tmp_path / "store"
    for store, sent in each_point(points, before, folder, operation, happen, started=started):
        there = (folder / OPTED_OUT).exists() or happen is not opts_out
        for _ in range(2):
            with suppress(StoreError):
                store.upkeep()
        if there:
            sent.clear()
            deliver(store, sent)
        replaced = not store.holds_session(store.last_session()) if happen is is_replaced else False
        store.close()
        if happen is opts_out and there:
            assert files_of(folder) == [OPTED_OUT]
            assert not sent
        elif happen is is_replaced:
            assert not sent & set(range(THEIRS, THEIRS + 5)), "they are another user's"
            with Other(folder) as last:
                assert not replaced or drain(last)[:5] == list(range(THEIRS, THEIRS + 5))
        elif folder.exists():
            with Other(folder) as last:
                sent.update(drain(last))
                assert last.dropped == {}


@pytest.mark.parametrize(("operation", "happen", "started"), each_case(fails))
def test_a_call_of_the_system_fails(points, before, tmp_path, operation, happen, started):
    folder = tmp_path / "store"
    for store, sent in each_point(points, before, folder, operation, happen, started=started):
        store.close()
        with Other(folder) as last:
            lost = {**store.dropped, **last.dropped}
            sent.update(drain(last))
        lost.pop({purge: "purged", give_up: "dead_letters_full"}.get(operation, ""), None)
        assert lost == {}
        if operation in {purge, give_up}:
            continue
        own = set(range(OWN, OWN + 42)) if operation in {append, note} else set()
        expected = STORED | own | (set(range(OWN + 100, OWN + 110)) if started else set())
        assert expected <= sent | dead(folder)
