"""Nothing fails in silence: rows of the table of failures that need a receiver, or a full or old store."""

import socketserver
import threading
import uuid

import pytest
from http_server import serving

from capture import Capture
from capture.config import BufferConfig, DeliveryConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store
from capture.targets import Target
from capture.testing import FakeClock

DOWN = Answer(Outcome.TEMPORARY, "HTTP 503")


def run_config(folder, *, url=None, opted_in=True, **buffer):
    sinks = () if url is None else (SinkConfig(type="http", options={"url": url}),)
    return RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(folder), **buffer),
        privacy=PrivacyConfig(opted_in=opted_in),
        delivery=DeliveryConfig(shutdown_timeout_s=0.0),
        sinks=sinks,
    )


class CutOff(socketserver.StreamRequestHandler):
    """Accepts, and ends the connection in the middle of its answer."""

    def handle(self):
        size = 0
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        self.rfile.read(size)
        self.server.taken.append(size)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")


@pytest.fixture
def cut_off():
    with socketserver.TCPServer(("127.0.0.1", 0), CutOff) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_answer_cut_off_is_a_delivery_and_nothing_is_said(tmp_path, cut_off, caplog):
    with Capture(run_config(tmp_path, url=f"http://127.0.0.1:{cut_off.server_address[1]}/")) as cap:
        cap.track_variable("k", "v")
        assert cap.flush(30.0)
        stats = cap.stats.sinks["http"]

    assert (stats.state, stats.delivered, stats.pending, stats.retried) == ("idle", 2, 0, 0)
    assert len(cut_off.taken) == 1
    assert [record for record in caplog.records if record.name == "capture.delivery"] == []


def test_a_full_store_is_told_once_and_its_drops_are_counted(tmp_path, caplog):
    told = []
    sink = MemorySink(answers=lambda _: DOWN)
    with Capture(run_config(tmp_path, max_store_bytes=262_144), sinks=[sink]) as cap:
        cap.on_drop = lambda cause, count: told.append((cause, count))
        for number in range(600):
            cap.track_variable(f"k{number}", "x" * 1000)
    stats = cap.stats
    said = [record.getMessage() for record in caplog.records if record.name == "capture.store"]
    lost = stats.dropped["store_full"]
    assert {cause for cause, _ in told} == {"store_full"}
    assert sum(count for _, count in told) == lost > 100
    assert stats.sinks["memory"].pending + lost == stats.collected
    assert [("store_full" in line, "only counted" in line) for line in said] == [(True, True)]


def test_old_events_are_dropped_told_and_counted(tmp_path, caplog):
    clock, told = FakeClock(), []
    store = Store(
        tmp_path,
        formats={"memory": "native"},
        max_age_s=3600.0,
        clock=clock,
        on_drop=lambda cause, count: told.append((cause, count)),
    )
    for number in range(7):
        clock.advance(s=1)
        store.append(
            1,
            [("native", b'{"n":%d}' % number)],
            time_ms=clock.wall_ns() // 10**6,
            event_id=str(uuid.UUID(int=number + 1)),
        )
    assert store.claim_delivery()
    clock.advance(s=3597)
    store.upkeep()
    clock.advance(s=2)
    store.upkeep()
    said = [record.getMessage() for record in caplog.records if record.name == "capture.store"]
    left = store.pending("memory").count
    store.close()

    assert told == [("too_old", 3), ("too_old", 2)]
    assert left == 2
    assert store.dropped == {"too_old": 5}
    assert [("too_old" in line, "only counted" in line) for line in said] == [(True, True)]


def test_an_opt_in_with_a_folder_that_cannot_be_written_delivers_from_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    sink = MemorySink()
    with Capture(run_config(tmp_path / "file" / "store", opted_in=False), sinks=[sink]) as cap:
        cap.opt_in()
        for number in range(120):
            cap.track_variable("k", number)
        assert cap.flush(30.0)
        assert cap.stats.collected == cap.stats.delivered == 121

    assert [record.levelname for record in caplog.records if record.name == "capture.engine"] == ["ERROR"]


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_receiver_that_inflates_nothing_gets_everything(tmp_path, status):
    # Small bodies, and large ones, which are worth compressing.
    path = "[root]>" + ">".join(f"VeryLongLayoutName{n}#identifier{n}" for n in range(20)) + ">"
    with serving() as server:

        def answer(_body):
            compressed = "Content-Encoding" in server.headers[-1]
            return (status, {"error": "invalid JSON"}) if compressed else (200, {})

        server.default = answer
        with Capture(run_config(tmp_path, url=server.url)) as cap:
            for number in range(120):
                cap.track_variable("k", f"v{number}")
            for _ in range(30):
                cap.touch_down(0, 10, 10, target=Target(path=path, id="b", responsive=True))
                cap.touch_up(0, 10, 10)
            assert cap.flush(30.0)
            stats = cap.stats.sinks["http"]

    assert (stats.delivered, stats.pending, stats.dead_letters) == (151, 0, 0)
    assert sum("Content-Encoding" in headers for headers in server.headers) <= 1


def test_a_clock_that_is_set_back_keeps_nothing_from_being_sent(tmp_path):
    clock, sent = FakeClock(), threading.Event()

    def answer(_):
        sent.set()
        return ACCEPTED

    sink = MemorySink(answers=answer)
    with Capture(run_config(tmp_path, flush_interval_s=0.5), sinks=[sink], clock=clock) as cap:
        cap.track_variable("k", 1)
        clock.set_wall(clock.wall_ns() - 86_400 * 10**9)
        clock.advance(s=1)
        cap.track_variable("k", 2)
        # It has the thread look at the time again: what is an interval old is due.
        cap.set_connectivity(1)
        assert sent.wait(30)
        assert cap.flush(30.0)
        assert (cap.stats.delivered, cap.stats.pending, cap.stats.dropped) == (3, 0, {})


def test_a_paused_sink_is_tried_at_once_where_something_has_changed(tmp_path):
    clock, attempts = FakeClock(), threading.Semaphore(0)

    def sink(answer):  # a worker of the first capture may still ask its own when the second begins
        def count(_):
            attempts.release()
            return answer

        return MemorySink(answers=count)

    config, stranger = run_config(tmp_path), Answer(Outcome.UNAVAILABLE, "HTTP 401: who are you")
    with Capture(config, sinks=[sink(stranger)], clock=clock) as cap:
        cap.track_variable("k", 1)
        assert not cap.flush(30.0)
        assert attempts.acquire(timeout=30)
        assert cap.stats.sinks["memory"].state == "paused"
        # The host says something of the network: the same as before.
        cap.set_connectivity(max(0, cap.device.connectivity))
        assert attempts.acquire(timeout=30)
    assert cap.stats.sinks["memory"].pending == 2
    # A start with other credentials, long before the next probe.
    with Capture(config, sinks=[sink(ACCEPTED)], clock=clock) as again:
        assert attempts.acquire(timeout=30)
        assert again.flush(30.0)
        assert again.stats.sinks["memory"].state == "idle"
        assert again.stats.sinks["memory"].delivered == 2
