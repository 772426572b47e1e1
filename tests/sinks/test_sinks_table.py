"""The table of sinks and the checking of their keys."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from urllib3.util import parse_url

from capture import sinks
from capture.config import SinkConfig
from capture.errors import ConfigError
from capture.sinks import Answer, Batch, Outcome
from capture.sinks.base import batch_id
from capture.sinks.memory import MemorySink

FOLDER = Path(sinks.__file__).parent


@pytest.mark.parametrize("place", sinks.SINKS.values(), ids=sinks.SINKS)
def test_each_sink_is_there_with_its_verbs(place):
    module, _, name = place.partition(":")
    sink = getattr(import_module(module), name)

    assert all(callable(getattr(sink, verb)) for verb in ("from_config", "send", "flush", "close"))


#: Sinks with an address, and what else they need.
ADDRESSES = [
    pytest.param("http", "url", {}, id="http"),
    pytest.param("http", "proxy", {"url": "http://x"}, id="proxy"),
    pytest.param("amplitude", "url", {"key_env": "KEY"}, id="amplitude"),
    pytest.param("mixpanel", "url", {"token_env": "TOKEN"}, id="mixpanel"),
]
TAKEN = ["h", "h:1", "h:65535", "h:", "[::1]", "[::1]:80", "10.0.0.1", "a_b.c-d"]
REFUSED = [*(f"h:{port}" for port in ("65536", "99999", "0", "80x", "-1", "1:2")), "[::1", "::1", "[]", "%zz"]


@pytest.mark.parametrize(("kind", "key", "others"), ADDRESSES)
@pytest.mark.parametrize("authority", TAKEN)
def test_addresses_that_are_taken(kind, key, others, authority):
    address = f"http://{authority}/x"

    assert parse_url(address).host
    sinks.create(SinkConfig(type=kind, options={**others, key: address}))


@pytest.mark.parametrize(("kind", "key", "others"), ADDRESSES)
@pytest.mark.parametrize("authority", [*REFUSED, "[zz]", "[::1]x", "h\\x"])
def test_addresses_that_are_refused(kind, key, others, authority):
    address = f"http://{authority}/x"
    with pytest.raises(ConfigError) as caught:
        sinks.create(SinkConfig(type=kind, name="shop", options={**others, key: address}))

    assert str(caught.value) == (
        f"sinks.shop.{key} = {address!r}: expected http(s)://host or http(s)://host:port, port 1 to 65535"
    )


@pytest.mark.parametrize(
    ("kind", "options", "key"),
    [
        ("file", {}, "path"),
        ("http", {"url": "http://x"}, "ca"),
        ("cloud_storage", {"format": "json"}, "url"),
    ],
)
def test_the_home_folder_of_nobody_is_refused(kind, options, key):
    options = {**options, key: "~nosuchuser/x"}
    with pytest.raises(ConfigError) as caught:
        sinks.create(SinkConfig(type=kind, options=options))

    assert str(caught.value).startswith(f"sinks.{kind}.{key} = '~nosuchuser/x': expected a path; that home")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "htpp"}, "sinks.htpp.type = 'htpp': no such sink; did you mean 'http'?"),
        ({"type": "file", "name": "f"}, "sinks.f.path: required; expected text"),
        ({"type": "file", "options": {"pth": "x"}}, "sinks.file.pth: no such key; did you mean 'path'?"),
        ({"type": "file", "options": {"path": 3}}, "sinks.file.path = 3: expected text"),
        (
            {"type": "cloud_storage", "options": {"url": "s3://[x", "format": "json"}},
            "sinks.cloud_storage.url = 's3://[x': expected a folder, or an address that begins with",
        ),
        ({"type": "memory", "options": {"a": 1}}, "sinks.memory.a: no such key"),
        ({"type": "http", "options": {"url": "ftp://x"}}, "sinks.http.url = 'ftp://x': expected text"),
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


def test_an_unknown_wire_format_is_refused_with_those_of_the_table():
    config = SinkConfig(type="memory", wire="xml")

    with pytest.raises(ConfigError, match="a memory sink takes native or currents"):
        sinks.create(config)


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


class EarlySink:
    """A sink as it was written before `limits`, `not_sent` and `configure`."""

    name, formats, max_bytes = "early", ("native",), 1000

    def send(self, batch, timeout_s):
        return sinks.ACCEPTED

    def flush(self): ...

    def close(self): ...


def test_a_sink_of_an_earlier_version_gets_the_members_that_it_lacks():
    sink = EarlySink()
    sinks.configure([sink], None)

    assert (sink.limits, sink.not_sent) == (sinks.BatchLimits(max_bytes=1000), {})


LACKS = "has no from_config(config, base=...)"


class Printer:
    """A sink without settings."""

    name = "printer"
    formats = ("native", "currents")
    limits = sinks.BatchLimits()
    not_sent = {}  # noqa: RUF012 - one instance

    def configure(self, config): ...

    def send(self, batch, timeout_s):
        return sinks.ACCEPTED

    def flush(self): ...

    def close(self): ...


class Pen(Printer):
    def __init__(self, ink):
        self.ink = ink


@pytest.fixture
def own_sinks(monkeypatch):
    module = ModuleType("own_sinks")
    module.Printer, module.Pen = Printer, Pen
    monkeypatch.setitem(sys.modules, "own_sinks", module)
    for kind, name in (("printer", "Printer"), ("pen", "Pen")):
        monkeypatch.setitem(sinks.SINKS, kind, f"own_sinks:{name}")


@pytest.mark.parametrize(
    ("table", "name", "formats"),
    [
        ({}, "printer", ("native",)),
        ({"name": "second"}, "second", ("native",)),
        ({"wire": "currents"}, "printer", ("currents",)),
    ],
)
@pytest.mark.usefixtures("own_sinks")
def test_a_sink_without_from_config_is_made_by_its_constructor(table, name, formats):
    sink = sinks.create(SinkConfig(type="printer", **table))

    assert (type(sink), sink.name, sink.formats) == (Printer, name, formats)
    assert (Printer.name, Printer.formats) == ("printer", ("native", "currents"))


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        (
            {"type": "printer", "options": {"ink": 1, "tray": 2}},
            [
                f"sinks.printer.ink: no such key; Printer {LACKS} that reads it",
                f"sinks.printer.tray: no such key; Printer {LACKS} that reads it",
            ],
        ),
        (
            {"type": "pen"},
            [f"sinks.pen.type = 'pen': Pen {LACKS}; without it: missing a required argument: 'ink'"],
        ),
    ],
)
@pytest.mark.usefixtures("own_sinks")
def test_a_sink_without_from_config_says_what_it_lacks(table, lines):
    with pytest.raises(ConfigError) as caught:
        sinks.create(SinkConfig(**table))

    assert str(caught.value).splitlines() == lines


def test_batch_id_is_a_function_of_the_event_ids():
    assert batch_id(["a", "b"]) == batch_id(["a", "b"])
    assert len({batch_id(ids) for ids in (["a", "b"], ["b", "a"], ["ab"], ["a"])}) == 4
    assert batch_id(["a"])[14] == "5"
