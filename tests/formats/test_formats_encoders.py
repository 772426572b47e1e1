"""Wire formats as plug-ins: a stateless one and one with state, in a live capture and in a replay."""

import json
import sys
from types import ModuleType

import msgspec
import pytest

from capture import Capture, ConfigError, RunConfig, formats
from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, SinkConfig
from capture.events import AppStart
from capture.formats import Encoder, Row
from capture.replay import replay
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock, TouchScript

LOG = "tests/data/session.touch.jsonl"


class Names:
    """Names of events alone."""

    name = "names"

    def encode(self, event):
        """Return the name; an app start is left out."""
        return None if type(event) is AppStart else json.dumps(type(event).__name__).encode()

    def compose(self, header, payloads, sent_at_ms):
        """Return the names in a list."""
        del header, sent_at_ms
        return b"[%b]" % b",".join(payloads)


class Counts(Names):
    """The event's number in its session; at the end of a session, minus the number of its events."""

    name = "counts"

    def encoder(self, source):
        """Return an encoder of its own for each user."""
        return CountEncoder(source)


class CountEncoder(Encoder):
    def __init__(self, source):
        self.session, self.count = source.session.number, source.state.get("count") or 0
        self.new_id = source.new_id
        self.time_ms = 0

    def encode(self, event):
        common = event.common
        rows = [] if common.session_number == self.session else self.end()
        self.session, self.time_ms, self.count = common.session_number, common.time_ms, self.count + 1
        own = Row(self.session, self.time_ms, common.event_id, msgspec.json.encode(self.count))
        return [*rows, own]

    def end(self):
        count, self.count = self.count, 0
        payload = msgspec.json.encode(-count)
        return (
            [Row(self.session, self.time_ms, self.new_id(f"count {self.session}"), payload)] if count else []
        )

    def state(self, session):
        return {"count": self.count if session == self.session else None}


@pytest.fixture(autouse=True)
def plugged(monkeypatch):
    for name, wire_format in (("names", Names()), ("counts", Counts())):
        module = ModuleType(f"plugged_{name}")
        module.FORMAT = wire_format
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(formats.FORMATS, name, module.__name__)


def started(folder, clock, *sinks):
    config = RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(folder)),
        privacy=PrivacyConfig(opted_in=True),
    )
    return Capture(config, clock=clock, sinks=list(sinks))


def test_a_configured_sink_takes_a_format_of_the_table(tmp_path):
    path = tmp_path / "capture.toml"
    path.write_text('[project]\nid = 1\n[[sinks]]\ntype = "memory"\nwire = "names"\n')

    with Capture(RunConfig.load(path)) as cap:
        assert cap.sinks["memory"].formats == ("names",)
    with pytest.raises(ConfigError, match="other"):
        Capture(RunConfig(project=ProjectConfig(id=1), sinks=(SinkConfig(type="memory", wire="other"),)))


def test_a_stateless_format_beside_another(tmp_path):
    names, native = MemorySink("names", formats=("names",)), MemorySink("native")
    clock = FakeClock()
    cap = started(tmp_path, clock, names, native)
    TouchScript(cap, clock).tap()
    cap.app_hide()
    assert cap.close()

    assert [json.loads(payload) for payload in names.payloads] == ["Tap", "AppHide"]
    assert len(native.payloads) == 3


def test_a_format_with_state_continues_after_a_restart(tmp_path):
    clock, payloads = FakeClock(), []
    for pause_s in (10, 1800, 0):
        sink = MemorySink("counts", formats=("counts",))
        cap = started(tmp_path, clock, sink)
        cap.screen_view("Home")
        assert cap.close()
        payloads.append([int(payload) for payload in sink.payloads])
        clock.advance(s=pause_s)

    # An app start and a screen view in each run; the third one finds the session of the others over.
    assert payloads == [[1, 2], [3, 4], [-4, 1, 2]]


def test_a_replay_encodes_in_the_same_way(tmp_path):
    names, counts = MemorySink("names", formats=("names",)), MemorySink("counts", formats=("counts",))
    summary = replay([LOG], tmp_path, sinks=[names, counts])

    assert summary.complete
    assert [int(payload) for payload in counts.payloads] == [*range(1, 23), -22]
    assert len(names.payloads) == 22
