"""The amplitude sink on loopback: every answer of the API, limits, splitting; beside the official client."""

import json

import pytest
from currents_samples import VALUES, canonical, full
from http_server import serving

from capture import RunConfig
from capture.config import CurrentsConfig, ProjectConfig, SinkConfig
from capture.errors import ConfigError
from capture.formats.currents import Record
from capture.formats.currents.shapes import AMPLITUDE, Options
from capture.sinks import Batch, Outcome, create
from capture.sinks.amplitude import AmplitudeSettings, AmplitudeSink

KEY = {"AMPLITUDE_API_KEY": "the-key"}
CUSTOM = "users.behaviors.CustomEvent"


@pytest.fixture
def server():
    with serving((200, {"code": 200, "events_ingested": 1})) as running:
        yield running


def sink_on(server, environ=KEY, **options):
    return AmplitudeSink(AmplitudeSettings(url=server.url + "/2/httpapi"), environ=environ, **options)


def batch(*records):
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def events(count, **changes):
    return [full(CUSTOM, **{"id": f"id-{index}", "properties": "{}", **changes}) for index in range(count)]


def sent_ids(server):
    return [[event["insert_id"] for event in request["events"]] for request in server.json]


def drive(sink, records):
    """Do what the delivery does with a batch: split what is refused, halve what is too large."""
    answer = sink.send(batch(*records), 5)
    if len(records) == 1 or answer.outcome in {Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.UNAVAILABLE}:
        return {record.fields["id"]: answer.outcome for record in records}
    size = len(records) // 2 if answer.outcome is Outcome.TOO_LARGE else 1
    outcomes = {}
    for start in range(0, len(records), size):
        outcomes |= drive(sink, records[start : start + size])
    return outcomes


def test_a_batch_is_one_request_with_the_key_and_times_in_ms(server):
    answer = sink_on(server).send(batch(*events(3)), 5)

    assert answer.outcome is Outcome.ACCEPTED
    (request,) = server.json
    assert list(request) == ["api_key", "events"]
    assert request["api_key"] == "the-key"
    assert [event["time"] for event in request["events"]] == [VALUES["time"] * 1000] * 3
    assert request["events"][0] == AMPLITUDE.make(canonical(events(1)[0]), Options())


@pytest.mark.parametrize("environ", [{}, {"AMPLITUDE_API_KEY": ""}, {"AMPLITUDE_API_KEY": "a\nb"}])
def test_without_a_usable_key_nothing_is_sent(server, environ):
    assert sink_on(server, environ).send(batch(*events(1)), 5).outcome is Outcome.UNAVAILABLE
    assert server.requests == []


def test_custom_properties_go_under_their_prefix(server):
    sink_on(server).send(batch(full(CUSTOM), full("users.behaviors.Purchase", id="two")), 5)
    custom, purchase = server.json[0]["events"]

    assert custom["event_properties"]["[Custom event property] tier"] == "gold"
    assert custom["event_properties"]["[Custom event property] size"] == [1, 2]
    assert purchase["event_properties"]["[Purchase property] tier"] == "gold"


def test_the_run_configuration_names_events_and_switches_properties(server):
    sink = sink_on(server)
    sink.configure(
        RunConfig(
            project=ProjectConfig(id=1),
            currents=CurrentsConfig(event_prefix="[Acme] ", custom_properties="none"),
        )
    )
    sink.send(batch(full(CUSTOM)), 5)
    (event,) = server.json[0]["events"]

    assert event["event_type"] == "[Acme] tap"
    assert not [key for key in event["event_properties"] if key.startswith("[")]


def test_long_texts_are_cut_to_1024_characters(server):
    text = json.dumps({"a": "ü" * 1025, "b": {"c": ["x" * 2000]}})
    sink_on(server).send(batch(full(CUSTOM, properties=text)), 5)
    properties = server.json[0]["events"][0]["event_properties"]

    assert properties["[Custom event property] a"] == "ü" * 1024
    assert properties["[Custom event property] b"] == {"c": ["x" * 1024]}


# What is not sent


@pytest.mark.parametrize(
    ("user", "device", "expected"),
    [
        pytest.param("customer", "device-1", ("customer", "device-1"), id="both"),
        pytest.param("12345", None, ("12345", None), id="five-characters"),
        pytest.param("1234", "device-1", (None, "device-1"), id="short-user"),
        pytest.param("anonymous", "device-1", (None, "device-1"), id="forbidden-user"),
        pytest.param("UNKNOWN", "device-1", (None, "device-1"), id="forbidden-in-capitals"),
        pytest.param("customer", "lmy47d", ("customer", None), id="forbidden-device"),
        pytest.param(
            "customer", "00000000-0000-0000-0000-000000000000", ("customer", None), id="zero-device"
        ),
        pytest.param(None, "device-1", (None, "device-1"), id="no-user"),
    ],
)
def test_ids_that_the_api_refuses_are_left_out(server, user, device, expected):
    sink_on(server).send(batch(full(CUSTOM, external_user_id=user, device_id=device)), 5)
    (event,) = server.json[0]["events"]

    assert (event.get("user_id"), event.get("device_id")) == expected


@pytest.mark.parametrize(("user", "device"), [(None, None), ("nil", "null"), ("1234", "0"), (None, "n/a")])
def test_a_record_without_user_and_device_is_not_sent_but_counted(server, user, device):
    sink = sink_on(server)
    answer = sink.send(batch(full(CUSTOM, external_user_id=user, device_id=device)), 5)

    assert answer.outcome is Outcome.ACCEPTED
    assert server.requests == []
    assert sink.not_sent == {"no_user_or_device": 1}


@pytest.mark.parametrize("event", ["users.RandomBucketNumberUpdate", "users.behaviors.Uninstall"])
def test_storage_events_are_not_sent_but_counted(server, event):
    sink = sink_on(server)

    assert sink.send(batch(full(event)), 5).outcome is Outcome.ACCEPTED
    assert server.requests == []
    assert sink.not_sent == {"not_for_partners": 1}


def test_what_is_not_sent_is_counted_once_over_retries(server):
    server.answers = [(503, {}), (200, {})]
    sink = sink_on(server)
    records = [*events(1), full(CUSTOM, external_user_id=None, device_id=None)]

    assert sink.send(batch(*records), 5).outcome is Outcome.TEMPORARY
    assert sink.send(batch(*records), 5).outcome is Outcome.ACCEPTED
    assert sink.not_sent == {"no_user_or_device": 1}


# Limits of a request


@pytest.mark.parametrize(("count", "sizes"), [(2000, [2000]), (2001, [2000, 1])])
def test_at_most_2000_events_a_request(server, count, sizes):
    assert sink_on(server).send(batch(*events(count)), 30).outcome is Outcome.ACCEPTED
    assert [len(request["events"]) for request in server.json] == sizes


def test_at_most_a_megabyte_a_request(server):
    records = events(5, properties=json.dumps({f"key {index}": "x" * 1000 for index in range(300)}))
    assert sink_on(server).send(batch(*records), 30).outcome is Outcome.ACCEPTED

    assert all(len(body) <= 1_000_000 for body in server.requests)
    assert sent_ids(server) == [["id-0", "id-1", "id-2"], ["id-3", "id-4"]]


def test_the_batch_endpoint_takes_more(server):
    settings = AmplitudeSettings(url=server.url, batch=True)
    sink = AmplitudeSink(settings, environ=KEY)
    records = events(5, properties=json.dumps({f"key {index}": "x" * 1000 for index in range(300)}))

    assert sink.send(batch(*records), 30).outcome is Outcome.ACCEPTED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://api2.amplitude.com/2/httpapi"),
        ({"region": "eu"}, "https://api.eu.amplitude.com/2/httpapi"),
        ({"batch": True}, "https://api2.amplitude.com/batch"),
        ({"region": "eu", "batch": True}, "https://api.eu.amplitude.com/batch"),
    ],
)
def test_region_hosts(options, url):
    sink = create(SinkConfig(type="amplitude", options=options))

    assert sink._client.url == url


@pytest.mark.parametrize("options", [{"region": "mars"}, {"key": "secret"}, {"url": "ftp://x"}])
def test_wrong_settings_are_refused(options):
    with pytest.raises(ConfigError, match=f"sinks.amplitude.{next(iter(options))}"):
        create(SinkConfig(type="amplitude", options=options))


# Answers


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_trouble_at_their_side_is_temporary(server, status):
    server.default = (status, {"code": status})
    answer = sink_on(server).send(batch(*events(2)), 5)

    assert answer.outcome is Outcome.TEMPORARY
    assert len(server.requests) == 1
    assert (answer.retry_after_s == 30) == (status == 429)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, {"code": 400, "error": "Request missing required field", "missing_field": "api_key"}),
        (400, {"code": 400, "error": "Invalid API key: the-key"}),
        (401, {}),
        (403, {}),
    ],
)
def test_a_wrong_key_or_a_firewall_pauses_the_queue(server, status, content):
    server.default = (status, content)
    answer = sink_on(server).send(batch(*events(2)), 5)

    assert answer.outcome is Outcome.UNAVAILABLE
    assert "the-key" not in answer.reason


def test_a_400_that_names_nothing_is_refused(server):
    server.default = (400, {"code": 400, "error": "Invalid JSON"})

    assert sink_on(server).send(batch(*events(2)), 5).outcome is Outcome.REFUSED


LISTS = [
    pytest.param({"events_with_invalid_fields": {"time": [1, 3]}}, id="invalid-fields"),
    pytest.param({"events_with_missing_fields": {"event_type": [1], "user_id": [3]}}, id="missing-fields"),
    pytest.param({"events_with_invalid_id_lengths": {"user_id": [3, 1]}}, id="id-lengths"),
    pytest.param({"silenced_events": [1, 3]}, id="silenced"),
    pytest.param(
        {"events_with_invalid_fields": {"time": [1]}, "events_with_missing_fields": {"x": [3]}},
        id="two-lists",
    ),
]


@pytest.mark.parametrize("lists", LISTS)
def test_a_400_with_lists_drops_the_listed_and_sends_the_rest_again(server, lists):
    server.answers = [(400, {"code": 400, "error": "Request has invalid fields", **lists})]
    outcomes = drive(sink_on(server), events(5))

    # The listed became dead letters one by one, and nothing was sent more often than it had to be.
    assert [key for key, outcome in outcomes.items() if outcome is Outcome.REFUSED] == ["id-1", "id-3"]
    assert sent_ids(server) == [[f"id-{n}" for n in range(5)], ["id-0", "id-2", "id-4"]]


def test_lists_that_name_only_the_first_bad_event_are_followed_up(server):
    def answer(body):
        ids = [event["insert_id"] for event in json.loads(body)["events"]]
        bad = [index for index, key in enumerate(ids) if key in {"id-1", "id-2", "id-4"}]
        if not bad:
            return 200, {}
        return 400, {"code": 400, "events_with_invalid_fields": {"time": bad[:1]}}

    server.default = answer
    outcomes = drive(sink_on(server), events(6))

    refused = [key for key, outcome in outcomes.items() if outcome is Outcome.REFUSED]
    assert refused == ["id-1", "id-2", "id-4"]
    assert len(server.requests) == 4


def test_a_400_that_lists_events_that_are_not_there_ends(server):
    server.default = (400, {"code": 400, "events_with_invalid_fields": {"time": [9]}})

    assert sink_on(server).send(batch(*events(2)), 5).outcome is Outcome.REFUSED
    assert len(server.requests) == 1


def test_a_413_is_halved_until_it_fits(server):
    def answer(body):
        return (200, {}) if len(json.loads(body)["events"]) <= 2 else (413, {"code": 413})

    server.default = answer

    assert sink_on(server).send(batch(*events(7)), 5).outcome is Outcome.ACCEPTED
    taken = [ids for ids in sent_ids(server) if len(ids) <= 2]
    assert [key for ids in taken for key in ids] == [f"id-{n}" for n in range(7)]


def test_a_413_for_one_event_is_too_large(server):
    server.default = (413, {})

    assert sink_on(server).send(batch(*events(1)), 5).outcome is Outcome.TOO_LARGE


@pytest.mark.parametrize(
    ("content", "wait_s"),
    [
        ({"throttled_users": {"user-b": 12}}, 30),
        ({"throttled_devices": {"device-b": 12}}, 30),
        ({"throttled_events": [1]}, 30),
        ({"throttled_users": {"user-b": 1}, "exceeded_daily_quota_users": {"user-b": 600_000}}, 3600),
        ({"exceeded_daily_quota_devices": {"device-b": 600_000}}, 3600),
    ],
)
def test_a_429_holds_the_listed_back_and_lets_the_others_go_on(server, content, wait_s):
    records = [
        full(CUSTOM, id=f"id-{name}", external_user_id=f"user-{name}", device_id=f"device-{name}")
        for name in "abc"
    ]
    server.answers = [(429, {"code": 429, "error": "Too many requests", **content})]
    sink = sink_on(server)
    answer = sink.send(batch(*records), 5)

    assert (answer.outcome, answer.retry_after_s) == (Outcome.TEMPORARY, wait_s)
    assert sent_ids(server)[1:] == [["id-a", "id-c"]]
    assert sink.send(batch(*records), 5).outcome is Outcome.ACCEPTED
    assert sent_ids(server)[2:] == [["id-b"]]


def test_a_connection_that_breaks_is_temporary(server):
    sink = AmplitudeSink(AmplitudeSettings(url="http://127.0.0.1:9/"), environ=KEY)

    assert sink.send(batch(*events(1)), 5).outcome is Outcome.TEMPORARY


def test_what_was_taken_before_a_failure_is_not_sent_again(server):
    server.answers = [(200, {}), (500, {})]
    sink = sink_on(server)
    records = events(2001)

    assert sink.send(batch(*records), 30).outcome is Outcome.TEMPORARY
    assert sink.send(batch(*records), 30).outcome is Outcome.ACCEPTED
    assert [len(ids) for ids in sent_ids(server)] == [2000, 1, 1]
    assert sink._settled == {}


# Beside the official client

#: Where our event and the client's differ, and why.
DIFFERENCES = {
    "library": "the client says which client it is; the specification has a constant",
}


def test_our_event_is_what_the_official_client_puts_on_the_wire(server):
    amplitude = pytest.importorskip("amplitude")
    record = full("users.behaviors.Purchase", ad_id_type="ios_idfa", properties="{}")
    sink_on(server).send(batch(record), 5)
    (ours,) = server.json[0]["events"]
    client = amplitude.Amplitude(
        "the-key", amplitude.Config(server_url=server.url, flush_queue_size=1, min_id_length=5)
    )
    client.track(
        amplitude.BaseEvent(
            event_type="Purchase",
            user_id=VALUES["external_user_id"],
            device_id=VALUES["device_id"],
            time=VALUES["time"] * 1000,
            insert_id=VALUES["id"],
            price=VALUES["price"],
            product_id=VALUES["product_id"],
            idfa=VALUES["ad_id"],
            event_properties=ours["event_properties"],
        )
    )
    for pending in client.flush():
        pending.result(timeout=10)
    client.shutdown()
    theirs_request = server.json[-1]
    (theirs,) = theirs_request["events"]

    assert theirs_request["api_key"] == server.json[0]["api_key"]
    assert len(server.requests) == 2
    different = {key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
    assert different == set(DIFFERENCES), {key: (ours.get(key), theirs.get(key)) for key in different}


def test_a_record_may_come_from_an_import(server):
    record = Record(
        "users.behaviors.InstallAttribution",
        id="import-1",
        user_id="u",
        time=1_700_000_000,
        source="ads",
        external_user_id="customer",
    )
    sink_on(server).send(batch(record), 5)

    assert server.json[0]["events"][0]["event_properties"] == {"source": "ads"}


@pytest.mark.parametrize(
    ("currents", "names"),
    [
        ({"event_prefix": "[B] "}, ["[B] tap", "[B] Purchase"]),
        ({"event_prefix": "[B] ", "custom_event_prefix": "[C] "}, ["[C] tap", "[B] Purchase"]),
        ({"custom_event_prefix": ""}, ["tap", "Purchase"]),
        ({"event_prefix": "[B] ", "custom_event_prefix": ""}, ["tap", "[B] Purchase"]),
    ],
)
def test_custom_events_have_a_prefix_of_their_own(server, currents, names):
    sink = sink_on(server)
    sink.configure(RunConfig(project=ProjectConfig(id=1), currents=CurrentsConfig(**currents)))
    sink.send(batch(full(CUSTOM), full("users.behaviors.Purchase")), 5)

    ((first, second),) = (request["events"] for request in server.json)
    assert [first["event_type"], second["event_type"]] == names


@pytest.mark.parametrize("custom", ["prefixed", "none"])
def test_amplitude_gets_a_session_id_of_its_own(custom):
    record = canonical(full("users.behaviors.app.SessionEnd", session_start_ms=1_700_000_000_123))
    shaped = AMPLITUDE.make(record, Options(custom_properties=custom))

    assert shaped.get("session_id") == (1_700_000_000_123 if custom == "prefixed" else None)
    assert shaped["event_properties"]["session_id"] == VALUES["session_id"]
