"""The events of the project's own recording, to the byte: they are the same on every machine."""

from pathlib import Path

from capture import ProjectConfig, RunConfig
from capture.replay import Replay
from capture.sinks.memory import MemorySink

DATA = Path(__file__).parents[1] / "data"


def test_the_events_of_the_recording_are_those_of_every_machine(golden):
    sink = MemorySink()
    Replay([DATA / "session.touch.jsonl"], config=RunConfig(project=ProjectConfig(id=0)), sinks=[sink]).run()

    golden(DATA / "golden" / "session.events.jsonl", b"\n".join(sink.payloads).decode() + "\n")
