"""The otlp sink on loopback: requests are decoded by OpenTelemetry's own package in another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from currents_samples import START_S, VALUES, full, has_opentelemetry
from http_server import serving

from capture import Capture, ProjectConfig, RunConfig, Target
from capture.config import BufferConfig, PrivacyConfig, SinkConfig
from capture.errors import ConfigError
from capture.formats.currents import otlp
from capture.sinks import Batch, Outcome, create
from capture.sinks.otlp import OtlpSettings, OtlpSink
from capture.testing import FakeClock

READER = Path(__file__).parents[1] / "scripts" / "otlp_reader.py"
CUSTOM = "users.behaviors.CustomEvent"
ENCODINGS = ("json", "protobuf")
#: Environment variable: a folder with opentelemetry-proto. It must not be beside Ray, which does not start
#: with a part of OpenTelemetry.
FOLDER = "TEST_OTLP_FOLDER"


@pytest.fixture
def server():
    with serving() as running:
        yield running


def decoded(body, encoding):
    """Return the log records of a request, as OpenTelemetry's package reads them."""
    if encoding == "json" and not has_opentelemetry():
        return plain_records(json.loads(body))
    pytest.importorskip("opentelemetry.proto")
    done = subprocess.run([sys.executable, READER, encoding], input=body, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain_records(request):
    """Return the log records of a request in JSON, where OpenTelemetry's package is not installed."""
    return [
        {
            "resource": named(resource["resource"]["attributes"]),
            "scope": scope["scope"]["name"],
            "schema": scope["schemaUrl"],
            "name": record["eventName"],
            "time": int(record["timeUnixNano"]),
            "attributes": named(record["attributes"]),
        }
        for resource in request["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


def named(attributes):
    return {each["key"]: plain(each["value"]) for each in attributes}


def plain(value):
    [(kind, content)] = value.items()
    if kind == "arrayValue":
        return [plain(each) for each in content["values"]]
    if kind == "kvlistValue":
        return named(content["values"])
    return int(content) if kind == "intValue" else content


def batch(*records):
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "the-id", "currents", payloads)


def use(cap):
    cap.screen_view("Check out", ["cart"])
    for target in (Target(path="[root]>buy#buy>", id="buy"), Target()):
        cap.touch_down(0, 40.4, 50.6, target=target)
        cap.touch_up(0, 40.4, 50.6)
    cap.touch_down(0, 10, 10)
    cap.touch_move(0, 400, 10)
    cap.touch_up(0, 400, 10)
    cap.track_custom_event("wish", {"sizes": ["L", 2], "deep": {"a": None, "b": True}, "big": 2**63})


@pytest.fixture
def logs(server, tmp_path):
    """Return a function that records with some ``[privacy]`` and gives the decoded log records."""

    def record(encoding, **privacy):
        if encoding == "protobuf":
            pytest.importorskip("opentelemetry.proto")
        options = {"url": server.url + "/v1/logs", "encoding": encoding}
        config = RunConfig(
            project=ProjectConfig(id=8, app_id="shop", app_version="1.2"),
            buffer=BufferConfig(path=str(tmp_path / "store")),
            privacy=PrivacyConfig(opted_in=True, **privacy),
            sinks=(SinkConfig(type="otlp", options=options),),
        )
        with Capture(config, clock=FakeClock()) as cap:
            use(cap)
        return [each for body in server.requests for each in decoded(body, encoding)]

    return record


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_another_process_reads_events_with_the_names_of_the_conventions(server, logs, encoding):
    found = logs(encoding)
    names = [each["name"] for each in found]

    assert names == [
        "first_session",
        "session.start",
        "app_start",
        "screen_view",
        "app.widget.click",
        "tap",
        "fling",
        "wish",
    ]
    assert {each["scope"] for each in found} == {"touchcapture"}
    assert {each["schema"] for each in found} == {f"https://opentelemetry.io/schemas/{otlp.CONVENTIONS}"}
    assert {each["resource"]["service.name"] for each in found} == {"shop"}
    assert {each["resource"]["service.version"] for each in found} == {"1.2"}
    start, click = found[1], found[4]
    attributes = click["attributes"]
    assert attributes["session.id"] == start["attributes"]["session.id"]
    assert (attributes["app.widget.id"], attributes["app.screen.name"]) == ("buy", "Check out")
    assert attributes["app.screen.id"] == "cart"
    assert attributes["touch.tap_count"] == 1
    assert not [key for each in found for key in each["attributes"] if "coordinate" in key]
    assert found[6]["attributes"]["touch.direction"] == "right"
    assert found[7]["attributes"]["touch.property.sizes"] == ["L", 2]
    assert found[7]["attributes"]["touch.property.deep"] == {"b": True}
    assert found[7]["attributes"]["touch.property.big"] == str(2**63)
    assert server.headers[0]["Content-Type"] == (
        "application/json" if encoding == "json" else "application/x-protobuf"
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_tap_without_an_id_is_a_click_on_the_screen_where_positions_are_kept(logs, encoding):
    found = logs(encoding, positions="keep")
    clicks = [each for each in found if each["name"].startswith("app.")]

    assert [each["name"] for each in clicks] == ["app.widget.click", "app.screen.click"]
    for each in clicks:
        assert each["attributes"]["app.screen.coordinate.x"] == 40
        assert each["attributes"]["app.screen.coordinate.y"] == 51


def test_the_time_of_a_gesture_is_in_ms(server):
    properties = {"session_id": "s", "time_ms": START_S * 1000 + 123, "target_id": "ok"}
    sink = OtlpSink(OtlpSettings(url=server.url))
    sink.send(batch(full(CUSTOM, name="tap", properties=properties), full("users.behaviors.Location")), 5)
    [resource] = server.json[0]["resourceLogs"]
    logs = resource["scopeLogs"][0]["logRecords"]

    assert [each["timeUnixNano"] for each in logs] == [
        str((START_S * 1000 + 123) * 10**6),
        str(START_S * 10**9),
    ]
    place = {each["key"]: each["value"] for each in logs[1]["attributes"]}
    assert place["geo.location.lat"] == {"doubleValue": VALUES["latitude"]}
    assert place["user.id"] == {"stringValue": VALUES["external_user_id"]}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_the_receiver_leaves_out_is_counted(server, encoding):
    if encoding == "protobuf":
        service = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
        answer = service.ExportLogsServiceResponse()
        answer.partial_success.rejected_log_records = 1
        server.default = (200, answer.SerializeToString())
    else:
        server.default = (200, {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "no"}})
    sink = OtlpSink(OtlpSettings(url=server.url, encoding=encoding))
    answer = sink.send(batch(full(CUSTOM), full("users.RandomBucketNumberUpdate")), 5)

    assert answer.outcome is Outcome.ACCEPTED
    assert sink.not_sent == {"rejected": 1, "storage_only": 1}


@pytest.mark.parametrize("number", [1.9, True, 1e300, "x", None])
def test_a_number_that_is_none_leaves_nothing_out(server, number):
    server.default = (200, {"partialSuccess": {"rejectedLogRecords": number}})
    sink = OtlpSink(OtlpSettings(url=server.url, encoding="json"))
    assert sink.send(batch(full(CUSTOM)), 5).outcome is Outcome.ACCEPTED
    assert sink.not_sent == {}


def test_what_only_storage_has_makes_no_request(server):
    sink = OtlpSink(OtlpSettings(url=server.url))

    assert sink.send(batch(full("users.RandomBucketNumberUpdate")), 5).outcome is Outcome.ACCEPTED
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, Outcome.REFUSED), (401, Outcome.UNAVAILABLE), (413, Outcome.TOO_LARGE), (503, Outcome.TEMPORARY)],
)
def test_answers(server, status, outcome):
    server.default = (status, {})

    assert OtlpSink(OtlpSettings(url=server.url)).send(batch(full(CUSTOM)), 5).outcome is outcome


def test_headers_come_from_the_environment(server):
    environ = {"TOKEN": "t", "HEADERS": "x-tenant=shop,x-other=a%20b"}
    settings = OtlpSettings(url=server.url, token_env="TOKEN", headers_env="HEADERS")
    OtlpSink(settings, environ=environ).send(batch(full(CUSTOM)), 5)
    missing = OtlpSink(settings, environ={"TOKEN": "t"}).send(batch(full(CUSTOM)), 5)

    [headers] = server.headers
    assert (headers["Authorization"], headers["x-tenant"], headers["x-other"]) == ("Bearer t", "shop", "a b")
    assert headers["Idempotency-Key"] == "the-id"
    assert missing.outcome is Outcome.UNAVAILABLE
    assert "HEADERS" in missing.reason


def test_protobuf_without_the_package_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="opentelemetry")

    monkeypatch.setattr("capture.optional.import_module", missing)

    with pytest.raises(ConfigError, match=r"touchcapture\[otlp\]"):
        create(SinkConfig(type="otlp", options={"encoding": "protobuf"}))


@pytest.mark.skipif(has_opentelemetry(), reason="OpenTelemetry's package is here: nothing was skipped")
def test_all_of_it_in_a_process_that_has_opentelemetrys_package():
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"{FOLDER} names no folder with opentelemetry-proto (pip install --target)")
    root = Path(__file__).parents[2]
    files = [__file__, Path(__file__).with_name("test_sinks_hidden.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-rs", "-p", "no:cacheprovider", *files],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(root), folder))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "could not import 'opentelemetry" not in done.stdout
