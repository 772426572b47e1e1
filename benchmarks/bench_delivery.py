"""Delivery end to end: live beside the clients in `peers`, and the replay path into file and HTTP sink.

Live: one event at a time, until the server has all of them. Rounds are interleaved, since the machine drifts.
"""

import importlib
import importlib.util
import os
import statistics
import time
from types import SimpleNamespace

import pytest
import touches
from peers.loopback import Server

from capture.config import ProjectConfig, RunConfig
from capture.delivery import Delivery
from capture.formats import Row
from capture.gestures.samples import TouchSamples
from capture.logs import LogInfo
from capture.replay import Replay
from capture.replay.store import ReplayStore
from capture.sinks.file import FileSink
from capture.sinks.http import HttpSettings, HttpSink

EVENTS = int(os.environ.get("CAPTURE_BENCH_EVENTS", "4000"))
ROUNDS = int(os.environ.get("CAPTURE_BENCH_ROUNDS", "5"))
#: Module in peers -> packages that it needs.
CONTENDERS = {
    "touchcapture": "capture",
    "segment": "segment",
    "amplitude": "amplitude",
    "posthog": "posthog",
    "snowplow": "snowplow_tracker",
    "mixpanel": "mixpanel",
}
PAYLOAD = b'{"ea":6,' + b"x" * 512 + b"}"
CHUNK = 1000


@pytest.fixture(scope="module")
def url():
    with Server() as address:
        yield address


def delivered_per_s(contender):
    begin = time.perf_counter()
    for _ in range(EVENTS):
        contender.call(*contender.prepare())
    contender.settle()
    return EVENTS / (time.perf_counter() - begin)


def test_live(benchmark, url):
    contenders = {
        name: importlib.import_module(f"peers.track_{name}").Contender(url)
        for name, package in CONTENDERS.items()
        if importlib.util.find_spec(package)
    }
    rates = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            rates[name].append(delivered_per_s(contender))
    benchmark.pedantic(delivered_per_s, (contenders["touchcapture"],), rounds=1)
    for contender in contenders.values():
        contender.close()
    found = {name: round(statistics.median(values)) for name, values in rates.items()}
    benchmark.extra_info["delivered_per_s"] = found
    rivals = [rate for name, rate in found.items() if name != "touchcapture"]
    if rivals:
        benchmark.extra_info["times_the_fastest_rival"] = found["touchcapture"] / max(rivals)
    print("", *(f"{name:14} {rate:9,} delivered/s" for name, rate in found.items()), sep="\n")

    assert all(found.values())


@pytest.mark.parametrize("kind", ["file", "http"])
def test_replay(benchmark, tmp_path, url, kind):
    sink = FileSink(tmp_path) if kind == "file" else HttpSink(HttpSettings(url=url + "/batches"))
    store = ReplayStore({sink.name: "native"})
    delivery = Delivery(
        store,
        [sink],
        config=RunConfig(project=ProjectConfig(id=1)),
        compose=lambda _, payloads: b'{"pl":[' + b",".join(payloads) + b"]}",
    )
    ids = [f"{n:036}" for n in range(CHUNK)]
    chunk = [Row(1, 0, event_id, PAYLOAD) for event_id in ids]

    def pass_through():
        store.append("native", chunk)
        delivery.drain()

    benchmark.pedantic(pass_through, rounds=100, warmup_rounds=3)
    benchmark.extra_info["events_per_s"] = round(CHUNK / benchmark.stats.stats.median)
    delivery.close(5.0)


#: Samples of the replayed log, and of each of its chunks as the log readers make them.
SAMPLES, READ = 2_000_000, 65_536


@pytest.mark.parametrize("kind", ["file", "http"])
def test_replay_with_recognition(benchmark, tmp_path, url, kind, monkeypatch):
    """From samples in memory to the sink: all of a replay but the reading of the log."""
    names = ("action", "time", "x", "y")
    samples = TouchSamples(**dict(zip(names, touches.single(SAMPLES), strict=True)))
    chunks = [samples[start : start + READ] for start in range(0, len(samples), READ)]
    log = SimpleNamespace(
        path="log",
        name="touch",
        seed="0" * 64,
        info=LogInfo(),
        marks=[],
        warnings={},
        chunks=lambda: iter(chunks),
    )
    monkeypatch.setattr(Replay, "_open", lambda *_: log)
    (tmp_path / "log").touch()
    config = RunConfig(project=ProjectConfig(id=1))

    def run():
        sink = FileSink(tmp_path) if kind == "file" else HttpSink(HttpSettings(url=url + "/batches"))
        return Replay([tmp_path / "log"], config=config, sinks=[sink]).run()

    summary = benchmark.pedantic(run, rounds=3)
    assert summary.complete
    events = sum(each.events for each in summary.logs)
    benchmark.extra_info["events_per_s"] = round(events / benchmark.stats.stats.median)
