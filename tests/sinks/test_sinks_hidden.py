"""A PIN on a hidden keypad, through every sink: what is captured of each wire is searched for it."""

import re
from pathlib import Path

import pytest
from currents_samples import has_opentelemetry
from http_server import serving

from capture import Capture, ProjectConfig, RunConfig, Target
from capture.cli._privacy_text import keys_of
from capture.config import BufferConfig, PrivacyConfig, SinkConfig
from capture.formats import FORMATS
from capture.sinks import SINKS

PIN = "4711"
#: Where the keys are: numbers that nothing else is likely to be.
KEYS = {"4": (113.25, 517.75), "7": (119.5, 623.125), "1": (127.625, 411.375)}
DRAG = ((131.875, 709.5), (571.125, 1307.25))
MANIFEST = {"path", "rows", "sha256", "min_time", "max_time"}
SCHEMA = {"type", "namespace", "fields", "default", "doc"}
KEY_IDS = re.compile(rb"key[0-9]|pattern-lock")


def sinks_of(folder, url, brokers):
    """Yield (name, table) for every sink and every wire format and file format that it has."""
    for wire in FORMATS:
        yield f"file-{wire}", {"type": "file", "wire": wire, "path": str(folder / f"file-{wire}")}
        yield f"http-{wire}", {"type": "http", "wire": wire, "url": f"{url}/{wire}"}
        yield f"memory-{wire}", {"type": "memory", "wire": wire}
        yield f"kafka-{wire}", {"type": "kafka", "wire": wire, "brokers": brokers, "topic": wire}
    for form in ("json", "avro"):
        path = str(folder / f"storage-{form}")
        yield f"storage-{form}", {"type": "cloud_storage", "url": path, "format": form}
    yield "kafka-avro", {"type": "kafka", "brokers": brokers, "topic": "avro", "format": "avro"}
    yield "amplitude", {"type": "amplitude", "url": f"{url}/amplitude"}
    yield "mixpanel", {"type": "mixpanel", "url": f"{url}/mixpanel"}
    for encoding in ("json", "protobuf") if has_opentelemetry() else ("json",):
        yield f"otlp-{encoding}", {"type": "otlp", "url": f"{url}/otlp-{encoding}", "encoding": encoding}


def table(name, options):
    keys = {"type", "wire"}
    own = {key: value for key, value in options.items() if key not in keys}
    return SinkConfig(name=name, options=own, **{key: options[key] for key in keys & options.keys()})


class Producer:
    """What the kafka sink sends to, in the place of librdkafka's."""

    def __init__(self, *_, **__):
        self.reports = []

    def produce(self, topic, *, key, value, headers, on_delivery):
        MESSAGES.append((topic, str(key).encode() + value + str(headers).encode()))
        self.reports.append(on_delivery)

    def poll(self, _timeout):
        for report in self.reports:
            report(None, None)
        self.reports.clear()

    def flush(self, _timeout):
        return 0

    def purge(self, **_options):
        return None


MESSAGES = []


def use(cap, prefix):
    """Type the PIN, draw a pattern, and touch something that is not hidden."""
    cap.identify("customer-4711-0")
    cap.screen_view("PIN")
    for digit in PIN:
        x, y = KEYS[digit]
        target = Target(path=f"[root]>pad>{prefix}key#key{digit}>", id=f"key{digit}", responsive=True)
        cap.touch_down(0, x, y, target=target)
        cap.touch_up(0, x, y)
    (x, y), (to_x, to_y) = DRAG
    cap.touch_down(0, x, y, target=Target(path="[root]>lock#pattern-lock>", id="pattern-lock"))
    cap.touch_move(0, to_x, to_y)
    cap.touch_up(0, to_x, to_y)
    cap.touch_down(0, 801.375, 905.625, target=Target(path="[root]>open#open>", id="open"))
    cap.touch_up(0, 801.375, 905.625)


def keys_in(data):
    """Yield every key in JSON, also in JSON that is a text in JSON, without the prefixes of partners."""
    for match in re.finditer(rb'[{,]\\*"((?:\[[^]]+\] )?[$\w]+)\\*":', data):
        yield match[1].decode().rpartition(" ")[2]


@pytest.fixture
def captured(tmp_path, monkeypatch):
    """Return a function that records with some ``[privacy]``: sink name -> everything that it sent."""
    kafka = pytest.importorskip("confluent_kafka")
    pytest.importorskip("fastavro")
    # Once, before the workers of several sinks do it at the same time.
    pytest.importorskip("urllib3.util")
    monkeypatch.setattr(kafka, "Producer", Producer)
    monkeypatch.setenv("AMPLITUDE_API_KEY", "key-of-the-project")
    monkeypatch.setenv("MIXPANEL_TOKEN", "token-of-the-project")
    MESSAGES.clear()

    def record(prefix="", **privacy):
        with serving() as server:
            sinks = dict(sinks_of(tmp_path, server.url, "127.0.0.1:1"))
            config = RunConfig(
                project=ProjectConfig(id=8),
                buffer=BufferConfig(path=str(tmp_path / "store")),
                privacy=PrivacyConfig(opted_in=True, **privacy),
                sinks=tuple(table(name, options) for name, options in sinks.items()),
            )
            with Capture(config) as cap:
                use(cap, prefix)
                assert cap.flush(timeout=20), cap.stats.sinks
                memory = {name: cap.sinks[name].batches for name in sinks if name.startswith("memory")}
            sent = dict.fromkeys(sinks, b"")
            for name, batches in memory.items():
                sent[name] = b"\n".join(batch.body + b"".join(batch.payloads) for batch in batches)
            for path, body in zip(server.paths, server.requests, strict=True):
                name = path.strip("/")
                sent[name if name in sent else f"http-{name}"] += body
        for topic, message in MESSAGES:
            sent[f"kafka-{topic}"] += message
        for name in sinks:
            for path in sorted((tmp_path / name).rglob("*")):
                sent[name] += str(path).encode() + (path.read_bytes() if path.is_file() else b"")
        return sent

    return record


def test_every_sink_is_searched(tmp_path):
    assert {options["type"] for _, options in sinks_of(tmp_path, "", "")} == set(SINKS)


@pytest.mark.parametrize(
    ("hide_ids", "hide_with", "prefix"),
    [(("key*", "pattern-lock"), "drop", ""), (("pad", "pattern-lock"), "hash", "pad#pad>")],
    ids=["keys", "pad"],
)
def test_a_pin_on_a_hidden_keypad_is_on_no_wire(captured, hide_ids, hide_with, prefix):
    sent = captured(prefix, hide_ids=hide_ids, hide_with=hide_with, positions="keep")

    for name, data in sent.items():
        taps = (b"tap", b'"ea":6', b"app.widget.click")
        assert sum(map(data.count, taps)) >= 5, name
        assert not KEY_IDS.search(data), name
        for number in (*KEYS["4"], *KEYS["7"], *KEYS["1"], *DRAG[0], *DRAG[1]):
            assert str(number).encode() not in data, (name, number)
    kept = [name for name in sent if "native" not in name and "otlp" not in name]
    assert [name for name, data in sent.items() if b"801.375" in data] == kept
    # Whole pixels: the last gesture is the only one.
    places = [data.count(b"app.screen.coordinate.x") for name, data in sent.items() if "otlp" in name]
    assert set(places) == {1}


def test_positions_of_visible_targets_stay_at_home_unless_they_are_wanted(captured):
    sent = captured()

    assert all(KEY_IDS.search(data) for data in sent.values())
    assert not any(b"801.375" in data or b"x_down" in data for data in sent.values())
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    for name, data in sent.items():
        if name.startswith("otlp"):
            found = set(re.findall(rb"(?:touch|app|session|device|os|service|log|user|geo)\.[a-z_.]+", data))
            assert len(found) > 20
            # Between texts of protobuf stands their length, which may be a letter.
            assert not [key for key in found if not re.search(rf"`{key.decode()[:-1]}.?`", page)], name
            continue
        seen = set(keys_in(data))
        wire = name if name in {"amplitude", "mixpanel"} else "native" if "native" in name else "currents"
        known = keys_of(wire) | keys_of("currents")
        assert len(seen) > 20, name
        assert seen - MANIFEST - SCHEMA <= known, name
        assert not [key for key in seen & keys_of(wire) if f"`{key}`" not in page], name
