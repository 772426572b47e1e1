"""The table of sinks and the checking of their keys."""

from importlib import import_module
from pathlib import Path

import pytest

from capture import sinks
from capture.config import SinkConfig
from capture.errors import ConfigError
from capture.sinks import Answer, Batch, Outcome
from capture.sinks._base import batch_id
from capture.sinks.memory import MemorySink

FOLDER = Path(sinks.__file__).parent


def test_table_and_folder_agree():
    files = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}

    assert {place.partition(":")[0].rpartition(".")[2] for place in sinks.SINKS.values()} == files


@pytest.mark.parametrize("place", sinks.SINKS.values(), ids=sinks.SINKS)
def test_each_sink_is_there_with_its_verbs(place):
    module, _, name = place.partition(":")
    sink = getattr(import_module(module), name)

    assert all(callable(getattr(sink, verb)) for verb in ("from_config", "send", "flush", "close"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "htpp"}, "sinks.htpp.type = 'htpp': no such sink; did you mean 'http'?"),
        ({"type": "file", "name": "f"}, "sinks.f.path: required; expected a text"),
        ({"type": "file", "options": {"pth": "x"}}, "sinks.file.pth: no such key; did you mean 'path'?"),
        ({"type": "file", "options": {"path": 3}}, "sinks.file.path = 3: expected a text"),
        ({"type": "memory", "options": {"a": 1}}, "sinks.memory.a: no such key"),
        ({"type": "http", "options": {"url": "ftp://x"}}, "sinks.http.url = 'ftp://x': expected a text"),
        ({"type": "http", "options": {"url": "http://user:secret@x/"}}, "sinks.http.url = "),
        (
            {"type": "http", "options": {"url": "http://x", "gzip": "yes"}},
            "sinks.http.gzip = 'yes': expected true",
        ),
        (
            {"type": "http", "options": {"url": "http://x", "ca": "/no/such"}},
            "sinks.http.ca = '/no/such': no such file",
        ),
        (
            {"type": "http", "options": {"url": "http://x", "headers": {"a b": "c"}}},
            "sinks.http.headers: 'a b'",
        ),
        (
            {"type": "http", "options": {"url": "http://x", "headers": {"Host": "c"}}},
            "sinks.http.headers: 'Host'",
        ),
        (
            {"type": "http", "options": {"url": "http://x", "headers": {"a": "b\nc"}}},
            "sinks.http.headers.a: expected",
        ),
    ],
)
def test_mistakes_name_the_key(config, message):
    with pytest.raises(ConfigError) as caught:
        sinks.create(SinkConfig(**config))

    assert str(caught.value).startswith(message)


def test_a_wire_format_may_be_chosen(tmp_path):
    config = SinkConfig(type="file", name="f", wire="currents", options={"path": str(tmp_path)})

    assert sinks.create(config).formats == ("currents",)
    assert sinks.create(SinkConfig(type="memory")).formats == ("native",)


def test_the_memory_sink_keeps_what_it_accepted_with_whatever_reason():
    sink = MemorySink(answers=[Answer(Outcome.ACCEPTED, "HTTP 202"), Answer(Outcome.TEMPORARY)])
    batches = [Batch(body, 1, 1, "id", "native", [body]) for body in (b"a", b"b", b"c")]
    for batch in batches:
        sink.send(batch, 1)

    assert sink.batches == [batches[0], batches[2]]
    assert sink.attempts == batches


def test_relative_paths_start_from_the_base(tmp_path):
    sink = sinks.create(SinkConfig(type="file", options={"path": "out"}), base=tmp_path)

    assert sink.path == tmp_path / "out" / "batches.jsonl"


def test_batch_id_is_a_function_of_the_event_ids():
    assert batch_id(["a", "b"]) == batch_id(["a", "b"])
    assert len({batch_id(ids) for ids in (["a", "b"], ["b", "a"], ["ab"], ["a"])}) == 4
    assert batch_id(["a"])[14] == "5"
