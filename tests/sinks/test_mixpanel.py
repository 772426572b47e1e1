"""The mixpanel sink on loopback: every answer of the API, limits; beside the official client."""

import base64
import json
from urllib.parse import parse_qs

import pytest
from currents_samples import START_S, VALUES, canonical, full
from http_server import serving

from capture import RunConfig
from capture.config import CurrentsConfig, ProjectConfig, SinkConfig
from capture.errors import ConfigError
from capture.formats.currents.shapes import MIXPANEL, Options
from capture.sinks import Batch, Outcome, create
from capture.sinks.mixpanel import MixpanelSettings, MixpanelSink

TOKEN = {"MIXPANEL_TOKEN": "the-token"}
CUSTOM = "users.behaviors.CustomEvent"


@pytest.fixture
def server():
    with serving((200, {"code": 200, "num_records_imported": 1, "status": "OK"})) as running:
        yield running


def sink_on(server, environ=TOKEN):
    settings = MixpanelSettings(url=server.url + "/import?strict=1")
    return MixpanelSink(settings, environ=environ, wall_s=lambda: START_S, jitter=lambda ceiling: ceiling)


def batch(*records):
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def events(count, **changes):
    return [full(CUSTOM, **{"id": f"id-{index}", "properties": "{}", **changes}) for index in range(count)]


def sent_ids(server):
    return [[event["properties"]["$insert_id"] for event in request] for request in server.json]


def test_a_batch_is_one_import_with_the_token_as_user(server):
    answer = sink_on(server).send(batch(*events(3)), 5)

    assert answer.outcome is Outcome.ACCEPTED
    assert server.paths == ["/import?strict=1"]
    login = server.headers[0]["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(login) == b"the-token:"
    expected = MIXPANEL.make(canonical(events(1)[0]), Options())
    expected["properties"]["token"] = "the-token"
    assert server.json[0][0] == expected
    assert expected["properties"]["time"] == START_S


def test_without_a_token_nothing_is_sent(server):
    assert sink_on(server, {}).send(batch(*events(1)), 5).outcome is Outcome.UNAVAILABLE
    assert server.requests == []


def test_the_run_configuration_names_events_and_switches_properties(server):
    sink = sink_on(server)
    sink.configure(
        RunConfig(
            project=ProjectConfig(id=1),
            currents=CurrentsConfig(event_prefix="[Acme] ", custom_properties="none"),
        )
    )
    sink.send(batch(full(CUSTOM)), 5)
    ((event,),) = server.json

    assert event["event"] == "[Acme] tap"
    assert not [key for key in event["properties"] if key.startswith("[")]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param({"a": "ü" * 256}, {"a": "ü" * 255}, id="text"),
        pytest.param({"a": list(range(300))}, {"a": list(range(254))}, id="array"),
        # Three levels: the property and two below it; what is deeper is text.
        pytest.param({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {"c": '{"d":1}'}}}, id="depth"),
        pytest.param({"a": [["x"]]}, {"a": [["x"]]}, id="array-in-array"),
        pytest.param({"a": [[["x"]]]}, {"a": [['["x"]']]}, id="deep-array"),
        pytest.param({"a": 1, "b": None, "c": True}, {"a": 1, "b": None, "c": True}, id="others"),
    ],
)
def test_custom_properties_are_fitted_to_the_limits(server, properties, expected):
    sink_on(server).send(batch(full(CUSTOM, properties=json.dumps(properties))), 5)
    found = server.json[0][0]["properties"]

    prefix = "[Custom event property] "
    custom = {key.removeprefix(prefix): found[key] for key in found if key.startswith(prefix)}
    assert custom == expected


def test_an_event_has_fewer_than_255_properties(server):
    many = json.dumps({f"key {index}": index for index in range(400)})
    sink_on(server).send(batch(full("users.behaviors.Purchase", properties=many)), 5)

    assert 200 < len(server.json[0][0]["properties"]) < 255


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"external_user_id": None}, "no_user"),
        ({"external_user_id": "anon"}, "forbidden_user_id"),
        ({"external_user_id": "Anonymous"}, "forbidden_user_id"),
        ({"external_user_id": "<nil>"}, "forbidden_user_id"),
        ({"external_user_id": "true"}, "forbidden_user_id"),
        ({"external_user_id": "00000000-0000-0000-0000-000000000000"}, "forbidden_user_id"),
        ({"id": "a_b"}, "record_id"),
        ({"id": "a" * 37}, "record_id"),
        ({"time": 31_535_999}, "time"),
        ({"time": START_S + 3601}, "time"),
    ],
)
def test_what_the_api_refuses_is_not_sent_but_counted(server, changes, cause):
    sink = sink_on(server)
    answer = sink.send(batch(full(CUSTOM, **changes)), 5)

    assert answer.outcome is Outcome.ACCEPTED
    assert server.requests == []
    assert sink.not_sent == {cause: 1}


@pytest.mark.parametrize(
    "changes",
    [{"id": "a" * 36}, {"time": 31_536_000}, {"time": START_S + 3600}, {"external_user_id": "1"}],
)
def test_what_is_just_within_the_limits_is_sent(server, changes):
    assert sink_on(server).send(batch(full(CUSTOM, **changes)), 5).outcome is Outcome.ACCEPTED
    assert len(server.requests) == 1


@pytest.mark.parametrize(("count", "sizes"), [(2000, [2000]), (2001, [2000, 1])])
def test_at_most_2000_events_a_request(server, count, sizes):
    assert sink_on(server).send(batch(*events(count)), 30).outcome is Outcome.ACCEPTED
    assert [len(request) for request in server.json] == sizes


def test_a_retry_does_not_change_an_event(server):
    server.answers = [(503, {})]
    sink = sink_on(server)
    sink.send(batch(*events(2)), 5)
    sink.send(batch(*events(2)), 5)

    assert server.requests[0] == server.requests[1]


def test_a_partial_400_dead_letters_the_listed_and_sends_nothing_again(server):
    failed = [
        {"index": 1, "insert_id": "id-1", "field": "properties.time", "message": "too old"},
        {"index": 3, "$insert_id": "id-3", "field": "event", "message": "missing"},
    ]
    server.answers = [(400, {"code": 400, "failed_records": failed, "num_records_imported": 3})]
    sink = sink_on(server)
    records = events(5)
    whole = sink.send(batch(*records), 5)
    answers = [sink.send(batch(record), 5) for record in records]

    assert whole.outcome is Outcome.REFUSED
    assert [answer.outcome.value for answer in answers] == ["accepted", "refused"] * 2 + ["accepted"]
    assert "too old" in answers[1].reason
    assert len(server.requests) == 1


def test_a_failed_record_may_be_named_by_its_id_alone(server):
    failed = [{"insert_id": "id-2", "field": "x", "message": "y"}]
    server.answers = [(400, {"code": 400, "failed_records": failed})]
    sink = sink_on(server)
    records = events(3)
    sink.send(batch(*records), 5)

    assert sink.send(batch(records[2]), 5).outcome is Outcome.REFUSED
    assert sink.send(batch(records[0]), 5).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.REFUSED),
        (401, Outcome.UNAVAILABLE),
        (403, Outcome.UNAVAILABLE),
        (429, Outcome.TEMPORARY),
        (500, Outcome.TEMPORARY),
        (502, Outcome.TEMPORARY),
        (503, Outcome.TEMPORARY),
    ],
)
def test_other_answers(server, status, outcome):
    server.default = (status, {"code": status, "error": "x", "status": "y"})

    assert sink_on(server).send(batch(*events(2)), 5).outcome is outcome
    assert len(server.requests) == 1


def test_waits_double_up_to_a_minute_with_a_jitter_on_top(server):
    server.default = (429, {})
    sink = sink_on(server)
    waits = [sink.send(batch(*events(1)), 5).retry_after_s for _ in range(7)]
    server.default = (200, {})
    sink.send(batch(*events(1)), 5)
    server.default = (503, {})
    waits.append(sink.send(batch(*events(1)), 5).retry_after_s)

    # The jitter of these tests is its largest, 5 s.
    assert waits == [7, 9, 13, 21, 37, 65, 65, 7]


def test_a_413_is_halved_until_it_fits(server):
    server.default = lambda body: (200, {}) if len(json.loads(body)) <= 2 else (413, {})

    assert sink_on(server).send(batch(*events(5)), 5).outcome is Outcome.ACCEPTED
    taken = [key for ids in sent_ids(server) if len(ids) <= 2 for key in ids]
    assert taken == [f"id-{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("region", "host"),
    [("us", "api.mixpanel.com"), ("eu", "api-eu.mixpanel.com"), ("in", "api-in.mixpanel.com")],
)
def test_region_hosts(region, host):
    sink = create(SinkConfig(type="mixpanel", options={"region": region}))

    assert sink._client.url == f"https://{host}/import?strict=1"


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match=r"sinks\.mixpanel\.region = 'mars'"):
        create(SinkConfig(type="mixpanel", options={"region": "mars"}))


# Beside the official client

#: Where our event and the client's differ, and why.
DIFFERENCES = {
    "mp_lib": "the client says which client it is; the specification has no such field",
    "$lib_version": "and which version of it",
}


def test_our_event_is_what_the_official_client_puts_on_the_wire(server):
    mixpanel = pytest.importorskip("mixpanel")
    sink_on(server).send(batch(full("users.behaviors.Purchase", properties="{}")), 5)
    ((ours,),) = server.json
    server.default = (200, {"status": 1})
    consumer = mixpanel.Consumer(import_url=server.url + "/import", retry_limit=0)
    mixpanel.Mixpanel("the-token", consumer=consumer).import_data(
        None,
        VALUES["external_user_id"],
        "Purchase",
        VALUES["time"],
        # An import tells its own ids; the client would make one up.
        {
            key: value
            for key, value in ours["properties"].items()
            if key not in {"token", "distinct_id", "time"}
        },
        api_secret="the-secret",
    )
    theirs = json.loads(parse_qs(server.requests[-1].decode())["data"][0])

    assert theirs["event"] == ours["event"]
    found, expected = ours["properties"], theirs["properties"]
    assert {key for key in {*found, *expected} if found.get(key) != expected.get(key)} == set(DIFFERENCES)
