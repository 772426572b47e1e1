"""What is new goes on to sinks: each event at least once, under the header that its device sent."""

import gzip
import json
import secrets
import time
from pathlib import Path

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
pytest.importorskip("fastavro")

from gateway_kit import ENVIRON, USER, batch, configure, event, journal, record, write

from capture.cli import run as cli
from capture.collector import Collector
from capture.errors import ConfigError
from capture.gateway import forward, steps
from capture.gateway.config import GatewayConfig
from capture.gateway.upkeep import forget
from capture.gateway.writer import Writer
from capture.testing import Fault

OTHER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def collector(tmp_path):
    with Collector(folder=tmp_path / "came") as made:
        yield made


@pytest.fixture
def config(tmp_path, collector):
    tables = "".join(
        f'[[sinks]]\ntype = "http"\nname = "{wire}"\nwire = "{wire}"\nurl = "{collector.url}"\n'
        for wire in ("native", "currents")
    )
    return GatewayConfig.load(configure(tmp_path, tables), environ=ENVIRON)


def send(config, timeout_s=120.0):
    """Send what waits, in this thread; return whether each sink accepted all of it."""
    with forward.forwarding(config, 0) as sinks:
        return [sink.drain(timeout_s=timeout_s) for sink in sinks]


def came(tmp_path):
    return [json.loads(line) for line in Path(tmp_path, "came", "batches.jsonl").read_text().splitlines()]


def ids(*numbers):
    return [event(number)["euid"] for number in numbers]


def left(config):
    return b"".join(path.read_bytes() for path in config.forward_folder.rglob("*") if path.is_file())


def test_new_events_go_on_with_their_own_header(config, collector, tmp_path):
    first = batch(event(1), event(2), now=1_700_000_000_000)
    journal(config, first, batch(event(1), event(3), user=OTHER))
    journal(config, batch(event(2)), {"events": [record(4), record(5, user=OTHER), record(4)]})
    write(config)
    assert send(config) == [True, True]

    assert sorted(collector.events) == ids(1, 2, 3, 4, 5)
    assert collector.counters.duplicates == 0
    assert came(tmp_path)[0] == first
    assert [each["uid"] for each in came(tmp_path) if "pl" in each] == [USER, OTHER]
    assert list(config.forward_folder.glob("*/*.gz")) == []
    assert send(config) == [True, True]
    assert collector.counters.requests == 4  # nothing came again


def test_a_restart_goes_on_where_the_sink_is(config, collector):
    journal(config, batch(*map(event, range(5))), *(batch(event(number)) for number in range(5, 9)))
    write(config)
    collector.refuse = lambda each: json.loads(each)["upt"] == 6
    assert send(config) == [False, True]  # 6 is a dead letter
    assert sorted(collector.events) == ids(0, 1, 2, 3, 4, 5, 7, 8)
    requests = collector.counters.requests
    assert send(config) == [True, True]
    assert collector.counters.requests == requests
    [lost] = (config.forward_folder / "native" / forward.DEAD_LETTERS).read_text().splitlines()
    assert forward.waiting(config)["dead_letters native"] == 1
    assert ids(6)[0] in lost
    assert "HTTP 400" in lost


def test_what_a_sink_does_not_take_waits_for_it(config, collector):
    journal(config, batch(*map(event, range(120))), {"events": [record(500)]})
    write(config)
    collector.fail(Fault(status=503))
    assert send(config, timeout_s=2) == [False, False]
    assert forward.waiting(config)["forward_bytes native"] > 0
    assert collector.events == {}
    collector.fail(None)
    assert send(config) == [True, True]
    assert sorted(collector.events) == ids(*range(120), 500)


class Killed(BaseException):
    """A process that ends."""


@pytest.mark.parametrize("step", ["writer.written", "writer.commit", "writer.committed", "writer.unlinked"])
def test_a_kill_at_any_step_loses_nothing(config, collector, monkeypatch, step):
    journal(config, batch(event(1), event(2)))
    left = [1]

    def kill(each):
        if each == step and left:
            left.pop()
            raise Killed

    monkeypatch.setattr(steps, "on_step", [kill])
    with pytest.raises(Killed):
        write(config)
    send(config)
    write(config)
    send(config)
    assert sorted(collector.events) == ids(1, 2)


def test_forgotten_users_wait_in_no_queue(config, collector):
    journal(config, batch(event(1)), batch(event(2), user=OTHER))
    journal(config, {"events": [record(4), record(5, user=OTHER, external_user_id="anna")]})
    write(config)
    collector.refuse = lambda each: True
    send(config)  # dead letters have them as well
    journal(config, batch(event(6)), batch(event(7), user=OTHER))
    write(config)
    writer = Writer(config)
    forget(writer, config, 8, ["anna", OTHER])
    writer.close()
    collector.refuse = None
    send(config)
    assert OTHER.encode() not in left(config)
    assert b"anna" not in left(config)
    assert USER.encode() in left(config)
    assert sorted(collector.events) == ids(6)


def test_two_processes_do_not_send_one_queue(config, collector):
    journal(config, batch(event(1)))
    write(config)
    with forward.forwarding(config, 0) as (first, _), forward.forwarding(config, 0) as (second, _):
        assert first.drain(timeout_s=120)
        assert not second.drain(timeout_s=0)
        second.start()

        assert second.flush(timeout_s=120)  # the first one has sent all of it


def test_a_lock_that_cannot_be_made_is_said(config, collector, caplog):
    journal(config, batch(event(1)))
    write(config)
    lock = config.forward_folder / "native" / "lock"
    lock.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        send(config)

    def deliver():
        with forward.forwarding(config, 0) as (native, _):
            native.start()
            end_s = time.monotonic() + 60
            while "its events are kept" not in caplog.text and time.monotonic() < end_s:
                time.sleep(0.05)

    with pytest.raises(IsADirectoryError):
        deliver()
    assert "sink native fails, its events are kept" in caplog.text
    lock.rmdir()
    assert send(config) == [True, True]
    assert sorted(collector.events) == ids(1)


def test_a_file_that_cannot_be_read_for_a_while_stays_in_its_queue(config, monkeypatch):
    journal(config, batch(event(1)), batch(event(2)))
    write(config)
    queue = forward._Queue(config, "native", "native")
    lines = forward._lines_of

    def fail(path):
        yield next(lines(path))
        raise OSError("the disk fails")

    def following():
        found = queue.next_batch("native", 50, 10**6, skip=(), apart=False)
        return found and (queue.acknowledge("native", found), found.event_ids)

    with monkeypatch.context() as patched:
        patched.setattr(forward, "_lines_of", fail)
        assert following() == (True, ids(1))
        with pytest.raises(OSError, match="the disk fails"):
            following()
    assert following() == (True, ids(2))
    assert following() is None
    assert list(config.forward_folder.glob("native/*.gz")) == []
    queue.close()


def test_an_event_that_the_database_cannot_read_damages_no_queue(config, collector):
    # The first making of the unit is larger than the buffer of its file.
    large = [event(number, url=secrets.token_hex(500)) for number in range(400)]
    journal(config, batch(*large[:200]), batch(*large[200:]), batch({**event(400), "t": 2**62}))
    journal(config, batch(event(500)))
    assert sum(report.quarantined for report in write(config)) == 1
    assert send(config) == [True, True]
    assert sorted(collector.events) == ids(*range(400), 500)


def damage(path, how):
    content = path.read_bytes()
    if how == "garbage":
        path.write_bytes(content + b"garbage")
    elif how == "cut":
        path.write_bytes(content[:-12])
    elif how == "changed":
        path.write_bytes(content[:-8] + bytes(8))
    else:
        lines = gzip.decompress(content).splitlines(keepends=True)
        path.write_bytes(gzip.compress(b"".join([lines[0], b'8 {"pl": [' + b"\n", *lines[1:]])))


@pytest.mark.parametrize("how", ["garbage", "cut", "changed", "line"])
def test_damage_in_a_queue_is_skipped_said_and_counted(config, collector, caplog, how):
    journal(config, batch(event(1)), batch(event(2)))
    journal(config, batch(event(3)))
    write(config)
    path = min(config.forward_folder.glob("native/*.gz"))
    damage(path, how)
    assert send(config) == [False, True]  # something was lost
    assert set(collector.events) >= set(ids(3))
    assert how == "cut" or sorted(collector.events) == ids(1, 2, 3)
    assert caplog.text.count(f"{path}: what is damaged is not sent") == 1
    assert forward.waiting(config)["dead_letters native"] == 1
    assert list(config.forward_folder.glob("*/*.gz")) == []
    assert send(config) == [True, True]


@pytest.mark.parametrize("how", ["garbage", "cut", "changed", "line"])
def test_users_are_forgotten_in_a_damaged_queue(config, collector, how):
    journal(config, batch(event(1)), batch(event(2), user=OTHER))
    write(config)
    [path] = config.forward_folder.glob("native/*.gz")
    damage(path, how)
    writer = Writer(config)
    forget(writer, config, 8, [OTHER])
    writer.close()
    assert forward.waiting(config)["dead_letters native"] == 1
    assert OTHER.encode() not in gzip.decompress(path.read_bytes())
    assert send(config) == [True, True]
    assert how == "cut" or sorted(collector.events) == ids(1)


def test_sinks_that_cannot_be_are_said(tmp_path, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    sink = '[[sinks]]\ntype = "http"\nurl = "http://127.0.0.1:9"\n'
    with pytest.raises(ConfigError, match="with Kafka, read the topic"):
        GatewayConfig.load(configure(tmp_path, sink, kafka={"brokers": "x:1"}), environ=ENVIRON)
    with pytest.raises(ConfigError, match="two sinks have this name"):
        GatewayConfig.load(configure(tmp_path, sink + sink), environ=ENVIRON)
    config = GatewayConfig.load(configure(tmp_path, '[[sinks]]\ntype = "htp"\n'), environ=ENVIRON)
    with pytest.raises(ConfigError, match="no such sink"):
        cli(["gateway", "serve", "--config", str(tmp_path / "gateway.toml")])
    with pytest.raises(ConfigError, match="no such sink"), forward.forwarding(config):
        pass
