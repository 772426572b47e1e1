"""Records: checks, canonical JSON, personal data, bounds; what each domain event becomes."""

import hashlib
import hmac
import json
import math
import struct

import msgspec
import pytest
from currents_samples import VALUES, full
from example_count import examples
from hypothesis import given, settings, strategies as st

from capture import RunConfig, events
from capture.config import CurrentsConfig, PrivacyConfig, ProjectConfig
from capture.errors import ConfigError, InvalidEventError
from capture.events.device import Device
from capture.formats import Source, get, make_encoder, native
from capture.formats.currents import Record, float32
from capture.formats.currents.float32 import shortest
from capture.formats.currents.gestures import POSITIONS, GestureProperties
from capture.formats.currents.pii import Pii
from capture.formats.currents.record import decode_record, decode_records
from capture.formats.currents.schema import EVENTS, MAX_RECORD_BYTES
from capture.gestures import Gesture, Recognizer
from capture.gestures.config import GestureConfig
from capture.gestures.recognizer import FIELDS
from capture.ids import derived_id
from capture.targets import Target

VERSION = events.VersionOrigin(sdk_version="1", sdk_build=1, app_version="1", app_flavor="r", app_build=1)
FACTS = {
    "external_user_id": "customer-4711",
    "platform": "android",
    "ad_id": "ad-1",
    "ad_id_type": "google_ad_id",
    "ad_tracking_enabled": False,
}
DEVICE = Device(device_model="Pixel 9", os_version="15", timezone="Europe/Berlin")


def encoder(pii=None, lost=None, facts=FACTS, privacy=None, **currents):
    config = RunConfig(
        project=ProjectConfig(id=8),
        privacy=PrivacyConfig(pii=pii or {}, **(privacy or {})),
        currents=CurrentsConfig(**currents),
    )
    source = Source(
        config=config,
        device=DEVICE,
        user_id=VALUES["user_id"],
        salt="salt",
        new_id=derived_id,
        on_drop=([] if lost is None else lost).append,
        state={"device_id": VALUES["device_id"]},
        is_live=False,
    )
    made = make_encoder("currents", source)
    made.change(DEVICE, **facts)
    return made


def common(time_ms=1_700_000_000_999, session=1, event_id="e-1"):
    uptime_ms = time_ms - 1_699_999_000_000
    url = "app://x/cart/one%2Ftwo?title=Check%20out"
    return events.CommonSection(uptime_ms, event_id, url, 0, 1, None, 0, VERSION, session, time_ms)


def context(session_start):
    """Return what a gesture's record has besides its gesture and target."""
    session_id = fields(session_start)["session_id"]
    return {
        "screen": "Check out",
        "screen_path": "cart/one%2Ftwo",
        "session_id": session_id,
        "session_number": 1,
        "time_ms": 1_700_000_000_999,
    }


def fields(made):
    return json.loads(made.payload)


def own(event, **options):
    """Return the record of an event, without those of its session."""
    return fields(encoder(**options).encode(event)[-1])


# Records


@pytest.mark.parametrize("event", EVENTS)
def test_a_record_reads_back(event):
    record = full(event)

    assert Record.decode(record.encode()) == record
    assert json.loads(record.encode())["event_type"] == event


@pytest.mark.parametrize(
    ("event", "changes", "message"),
    [
        pytest.param("users.Nothing", {}, "no such event", id="event"),
        pytest.param("users.behaviors.Uninstall", {"price": 1.0}, "price: no such field", id="field"),
        pytest.param("users.behaviors.Uninstall", {"id": None}, "Uninstall.id: required", id="required"),
        pytest.param("users.behaviors.Uninstall", {"id": 5}, "id = 5: expected a text", id="text"),
        pytest.param("users.behaviors.Uninstall", {"time": 2**31}, "expected a whole number of 32", id="int"),
        pytest.param("users.behaviors.Uninstall", {"time": True}, "expected a whole number", id="bool"),
        pytest.param("users.behaviors.Purchase", {"price": math.nan}, "expected a finite number", id="nan"),
        pytest.param("users.behaviors.Purchase", {"price": 1e39}, "in the range of 32-bit", id="float"),
        pytest.param("users.behaviors.Purchase", {"properties": "[1]"}, "expected a JSON object", id="json"),
        pytest.param("users.behaviors.Purchase", {"properties": {"a": object()}}, "JSON object", id="object"),
        pytest.param("users.behaviors.Purchase", {"platform": "windows"}, "expected one of ios", id="enum"),
        pytest.param("users.behaviors.Purchase", {"ad_tracking_enabled": 1}, "true or false", id="flag"),
    ],
)
def test_a_wrong_record_is_refused_with_what_is_wrong(event, changes, message):
    base = {"id": "a", "user_id": "b", "time": 1}
    if event.endswith("Purchase"):
        base |= {"product_id": "p", "price": 1.0, "currency": "EUR", "properties": "{}"}

    with pytest.raises(InvalidEventError, match=message.replace("[", r"\[")):
        Record(event, **{**base, **changes})


def test_properties_may_be_given_as_a_dict():
    record = full("users.behaviors.CustomEvent", properties={"a": [1, {"b": None}]})

    assert record.fields["properties"] == '{"a":[1,{"b":null}]}'


@pytest.mark.parametrize("payload", [b"{", b"[]", b"{}", b'{"event_type":1}'])
def test_what_is_no_record_is_refused(payload):
    with pytest.raises(InvalidEventError):
        Record.decode(payload)


PARTS = st.sampled_from([',"id":', '"id"', "id", "{", "}", "\\", "\u00e9", "a"])
TEXTS = st.lists(PARTS, max_size=4).map("".join)
LOOSE = st.fixed_dictionaries({"external_user_id": TEXTS, "id": TEXTS}, optional={"name": TEXTS})


@given(st.lists(LOOSE, max_size=6))
def test_records_read_together_are_what_each_is_by_itself(found):
    payloads = [json.dumps(fields, separators=(",", ":")).encode() for fields in found * 2]
    payloads.insert(len(payloads) // 2, b'{"name":"without an id"}')

    records = decode_records(payloads)

    assert records == [decode_record(payload) for payload in payloads]
    assert [list(record) for record in records] == [list(decode_record(payload)) for payload in payloads]


def test_records_read_together_share_nothing_that_changes():
    first, second = decode_records([b'{"user_id":"u","id":"1"}', b'{"user_id":"u","id":"2"}'])
    first["user_id"] = "another"

    assert second == {"user_id": "u", "id": "2"}


def test_a_record_of_900_000_bytes_goes_and_one_byte_more_does_not():
    room = MAX_RECORD_BYTES - len(full("users.behaviors.CustomEvent", properties="{}").encode())
    text = json.dumps({"x": "a" * (room - len(r"\"x\":\"\""))}, separators=(",", ":"))
    fits = full("users.behaviors.CustomEvent", properties=text)
    over = full("users.behaviors.CustomEvent", properties=text.replace('"}', 'a"}'))

    assert len(fits.encode()) == MAX_RECORD_BYTES
    with pytest.raises(InvalidEventError, match="900001 bytes, more than 900000"):
        over.encode()


def test_the_batch_holds_the_records_as_they_are():
    payloads = [full(event).encode() for event in ("users.behaviors.Purchase", "users.behaviors.Location")]
    header = native.make_header(ProjectConfig(id=1), DEVICE, VALUES["user_id"])

    body = get("currents").compose(header, payloads, 5)

    assert json.loads(body) == {"events": [json.loads(payload) for payload in payloads]}
    assert all(payload in body for payload in payloads)


# Floats


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@settings(max_examples=examples(500), deadline=None)
def test_the_shortest_number_is_the_same_float_and_no_shorter_one_is(value):
    np = pytest.importorskip("numpy")
    found = shortest(value)

    assert struct.pack("<f", found) == struct.pack("<f", value)
    assert found == float(str(np.float32(value)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.140000104904175, 3.14), (0.1, 0.1), (52.520008, 52.520008), (0.0, 0.0), (1e30, 1e30)],
)
def test_shortest_numbers(value, expected):
    assert shortest(value) == expected


@pytest.mark.parametrize("verdict_columns", [False, True])
def test_the_core_finds_the_fields_of_a_gesture_and_not_those_of_its_verdict(verdict_columns):
    recognizer = Recognizer(2.0, GestureConfig(verdict_columns=verdict_columns))
    recognizer.down(0, 0.1, 0, 10**9)
    recognizer.move(0, 50.3, 0, 11 * 10**8)
    gesture = recognizer.up(0, 120.7, 0, 12 * 10**8)

    assert float32.native.shortest_fields(gesture, pytest.fail) == [
        shortest(value) if name in float32.MEASURES else value
        for name, value in ((name, getattr(gesture, name)) for name in FIELDS)
    ]


def test_what_the_core_does_not_find_is_asked_for():
    gesture = Gesture(x_down=math.nan, y_down=1e-30, duration=3e7, tap_count=2)
    asked = []
    values = float32.native.shortest_fields(gesture, lambda value: asked.append(value) or "asked")

    assert [FIELDS[place] for place, value in enumerate(values) if value == "asked"] == [
        "x_down",
        "y_down",
        "duration",
    ]
    assert math.isnan(asked[0])
    assert asked[1:] == [pytest.approx(1e-30), 3e7]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.5e38])
def test_what_no_float_holds_has_no_shortest_number(value):
    with pytest.raises(OverflowError):
        shortest(value)


# Personal data


def test_flagged_fields_are_kept_by_default():
    record = own(events.Location(common(), 1.5, 2.5, 3.5))

    assert {name: record[name] for name in ("external_user_id", "ad_id", "latitude", "altitude")} == {
        "external_user_id": "customer-4711",
        "ad_id": "ad-1",
        "latitude": 1.5,
        "altitude": 3.5,
    }


def test_hashed_fields_are_salted_sha_256():
    record = own(events.CustomEvent(common(), "x"), pii={"external_user_id": "hash", "ad_id": "hash"})

    for name, value in (("external_user_id", b"customer-4711"), ("ad_id", b"ad-1")):
        assert record[name] == hmac.new(b"salt", value, hashlib.sha256).hexdigest()
    assert record["ad_id_type"] == "google_ad_id"


def test_dropped_fields_are_left_out_and_a_dropped_id_leaves_no_kind():
    pii = {"external_user_id": "drop", "ad_id": "drop", "altitude": "drop"}
    record = own(events.Location(common(), 1.5, 2.5, 3.5), pii=pii)

    assert {"external_user_id", "ad_id", "ad_id_type", "altitude"}.isdisjoint(record)
    assert record["latitude"] == 1.5


@pytest.mark.parametrize("name", ["latitude", "longitude"])
def test_dropping_a_required_field_drops_the_record_and_counts_it(name):
    lost = []
    made = encoder({name: "drop"}, lost).encode(events.Location(common(), 1.5, 2.5))

    assert [fields(each)["event_type"].rpartition(".")[2] for each in made] == [
        "FirstSession",
        "SessionStart",
    ]
    assert lost == ["currents_pii"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"latitude": "hash"}, "privacy.pii.latitude = 'hash': expected keep or drop"),
        ({"external_id": "drop"}, "did you mean 'external_user_id'"),
        ({"idfa": "drop"}, "partners get it from ad_id"),
        ({"device_id": "drop"}, "no field of personal data"),
    ],
)
def test_a_wrong_policy_is_a_configuration_error(policy, message):
    with pytest.raises(ConfigError, match=message):
        Pii(policy, "salt")


# What events become


def gesture(points, density=1.0):
    recognizer = Recognizer(density)
    (first, *middle, last) = points
    recognizer.down(3, first[1], first[2], first[0] * 1_000_000)
    for ms, x, y in middle:
        recognizer.move(3, x, y, ms * 1_000_000)
    return recognizer.up(3, last[1], last[2], last[0] * 1_000_000)


TAP = [(0, 10.5, 20.25), (50, 10.5, 20.25)]
DRAG = [(0, 10, 20), (500, 50.3, 20), (1000, 90.7, 20)]


@pytest.mark.parametrize(
    ("points", "name"),
    [
        (TAP, "tap"),
        ([(0, 1, 1), (800, 1, 1)], "long_press"),
        (DRAG, "drag"),
        ([(0, 10, 20), (50, 50, 20), (100, 90, 20)], "fling"),
    ],
)
@pytest.mark.parametrize("responsive", [True, False, None])
def test_a_gesture_is_a_custom_event_with_full_names(points, name, responsive):
    stroke = gesture(points)
    target = Target(path="[root]>btn#ok>", id="ok", responsive=responsive)
    records = encoder(privacy={"positions": "keep"}).encode(
        events.gesture_event(stroke, common(), target, True)
    )
    record = fields(records[-1])
    properties = json.loads(record["properties"])

    assert (record["event_type"], record["name"], record["id"]) == (
        "users.behaviors.CustomEvent",
        name,
        "e-1",
    )
    expected = {key: value for key, value in stroke.to_dict().items() if key != "kind" and value is not None}
    expected |= {"target_path": "[root]>btn#ok>", "target_id": "ok"}
    expected |= {} if responsive is None else {"responsive": responsive}
    expected |= context(records[-2])
    assert list(properties) == list(expected)
    for key, value in expected.items():
        assert type(properties[key]) is type(value), key
        if isinstance(value, float):
            assert struct.pack("<f", properties[key]) == struct.pack("<f", value), key
            assert len(repr(properties[key])) <= len(repr(value))
        else:
            assert properties[key] == value


def properties_of(points, target=None, density=1.0, **privacy):
    made = encoder(privacy=privacy)
    made.change(msgspec.structs.replace(DEVICE, density=density))
    event = events.gesture_event(gesture(points), common(), target or Target(), True)
    records = made.encode(event)
    return json.loads(fields(records[-1])["properties"]), context(records[-2])


def test_positions_are_dropped_by_default():
    properties, _ = properties_of(DRAG)

    assert set(POSITIONS) == {"x_down", "y_down", "x_up", "y_up"}
    assert set(POSITIONS).isdisjoint(properties)
    assert {"distance", "velocity", "width", "direction"} <= set(properties)


@pytest.mark.parametrize(
    ("density", "grid_dp", "expected"),
    [(1.0, 24.0, (0, 24, 96, 24)), (2.0, 10.0, (20, 20, 100, 20)), (1.0, 0.25, (10, 20, 90.75, 20))],
)
def test_positions_on_a_grid(density, grid_dp, expected):
    properties, _ = properties_of(DRAG, density=density, positions="grid", positions_grid_dp=grid_dp)

    assert tuple(properties[name] for name in POSITIONS) == expected


@pytest.mark.parametrize("positions", ["drop", "grid", "keep"])
@pytest.mark.parametrize("hide_with", ["drop", "hash"])
@pytest.mark.parametrize("points", [TAP, DRAG], ids=["tap", "drag"])
def test_a_gesture_on_a_hidden_target_has_times_and_context_alone(points, hide_with, positions):
    target = Target(path="[root]>pad#k>", id="k", responsive=True, hidden=True)
    properties, known = properties_of(points, target, hide_with=hide_with, positions=positions)

    names = {"target_path": target.path, "target_id": "k"} if hide_with == "hash" else {}
    times = {"time_down": 0, "time_up": points[-1][0] * 1_000_000}
    assert properties == {**times, **names, **known}


def test_the_native_event_of_a_hidden_target_has_no_measures():
    seen, hidden = (
        events.gesture_event(gesture(DRAG), common(event_id=VALUES["id"]), Target(hidden=each), True)
        for each in (False, True)
    )
    sent = [json.loads(native.FORMAT.encode(event)) for event in (seen, hidden)]

    assert [(each["fd"], each["tvd"], each["tvv"]) for each in sent] == [(4, 81, 81), (5, 0, 0)]


@pytest.mark.parametrize(
    ("gestures", "named"),
    [
        (GestureConfig(), {}),
        (GestureConfig(dialect="contentsquare", touch_slop_dp=30.0), {}),
        (GestureConfig(dialect="android"), {"dialect": "android"}),
        (GestureConfig(dialect="mine", dialects={"mine": {"base": "ios"}}), {"dialect": "mine"}),
    ],
    ids=["default", "default-by-name", "built-in", "own"],
)
def test_a_dialect_is_named_unless_it_is_the_default(gestures, named):
    made = GestureProperties(RunConfig(project=ProjectConfig(id=1), gestures=gestures), DEVICE)
    event = events.gesture_event(gesture(TAP), common(), Target(), True)
    properties = json.loads(made.text(event, "s"))

    assert {name: properties[name] for name in properties if name == "dialect"} == named


@pytest.mark.parametrize(
    ("event", "name", "properties"),
    [
        (events.AppStart(common()), "app_start", {}),
        (events.AppShow(common()), "app_show", {}),
        (events.AppHide(common()), "app_hide", {}),
        (events.ScreenView(common(), "Home", 12), "screen_view", {"title": "Home", "load_time_ms": 12}),
        (events.StringVariable(common(), "tier", "g"), "dynamic_variable", {"key": "tier", "value": "g"}),
        (events.NumberVariable(common(), "n", 7), "dynamic_variable", {"key": "n", "value": 7}),
        (events.CustomEvent(common(), "own", {"a": 1}), "own", {"a": 1}),
    ],
)
def test_other_events_are_custom_events(event, name, properties):
    record = own(event, app_group_id="group")

    assert record == {
        "event_type": "users.behaviors.CustomEvent",
        "id": "e-1",
        "time": 1_700_000_000,
        "name": name,
        "properties": json.dumps(properties, separators=(",", ":")),
        "user_id": VALUES["user_id"],
        "external_user_id": "customer-4711",
        "device_id": VALUES["device_id"],
        "app_group_id": "group",
        "app_id": "touchcapture.8",
        "platform": "android",
        "os_version": "15",
        "device_model": "Pixel 9",
        "timezone": "Europe/Berlin",
        "ad_id": "ad-1",
        "ad_id_type": "google_ad_id",
        "ad_tracking_enabled": False,
        "session_start_ms": 1_700_000_000_999,
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (events.Transaction(common(), 20.1, 978, "EUR", "32a"), (20.1, "EUR", "32a", "{}")),
        (events.Transaction(common(), 1.0, 840, "USD"), (1.0, "USD", "transaction", "{}")),
        (
            events.Purchase(common(), 3.14, 978, "EUR", "sku", product_id="sku", properties={"a": 1}),
            (3.14, "EUR", "sku", '{"a":1}'),
        ),
    ],
)
def test_purchases(event, expected):
    record = own(event)

    assert record["event_type"] == "users.behaviors.Purchase"
    assert tuple(record[name] for name in ("price", "currency", "product_id", "properties")) == expected
    Record.decode(json.dumps(record).encode())


def test_a_purchase_is_a_native_transaction_too_and_the_others_are_nothing_native():
    purchase = events.Purchase(common(event_id=VALUES["id"]), 3.5, 978, "EUR", "sku", product_id="sku")

    assert json.loads(native.FORMAT.encode(purchase))["tr"] == {"vl": 3.5, "cu": 978, "id": "sku"}
    for event in (
        events.CustomEvent(common(), "x"),
        events.Location(common(), 1.0, 2.0),
        events.InstallAttribution(common(), "ads"),
    ):
        assert native.FORMAT.encode(event) is None


def test_places_and_attributions():
    place = own(events.Location(common(), 52.52000812345, 13.4, None, 3.5, 2.0))
    source = own(events.InstallAttribution(common(), "ads"))

    assert (place["latitude"], place["longitude"], place["ll_accuracy"], place["alt_accuracy"]) == (
        52.520008,
        13.4,
        3.5,
        2.0,
    )
    assert "altitude" not in place
    assert (source["source"], source["device_id"]) == ("ads", VALUES["device_id"])
    assert "app_id" not in source


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (events.Transaction(common(), 1e39, 978, "EUR"), "currents_float_range"),
        (events.CustomEvent(common(), "x", {"a": "b" * 900_000}), "currents_too_large"),
        (events.AppShow(common(2**31 * 1000)), "currents_time_range"),
    ],
)
def test_what_no_record_can_hold_is_counted(event, cause):
    lost = []
    made = encoder(lost=lost).encode(event)

    assert "e-1" not in [each.event_id for each in made]
    assert set(lost) == {cause}


def test_unknown_facts_are_left_out():
    record = own(events.CustomEvent(common(), "x"), facts={})

    known = "event_type user_id device_id app_id os_version device_model timezone id time name properties"
    assert set(record) == {*known.split(), "session_start_ms"}


# Sessions


def kinds(made):
    return [fields(each)["event_type"].rpartition(".")[2] for each in made]


def test_first_session_and_session_start_fire_together_and_once():
    records = encoder()
    first = records.encode(events.AppShow(common(1_700_000_000_500)))
    second = records.encode(events.AppHide(common(1_700_000_005_500)))
    third = records.encode(events.AppShow(common(1_700_009_000_500, session=2, event_id="e-2")))

    assert kinds(first) == ["FirstSession", "SessionStart", "CustomEvent"]
    first_session, start, _ = map(fields, first)
    assert first_session["session_id"] == start["session_id"]
    assert first_session["time"] == start["time"] == 1_700_000_000
    assert first_session["id"] != start["id"]
    assert kinds(second) == ["CustomEvent"]
    assert kinds(third) == ["SessionEnd", "SessionStart", "CustomEvent"]
    end = fields(third[0])
    assert (end["session_id"], end["time"], end["duration"]) == (start["session_id"], 1_700_000_005, 5.0)
    assert fields(third[1])["session_id"] != start["session_id"]
    assert [each.session for each in third] == [1, 2, 2]


def test_the_end_of_a_session_without_events_is_nothing():
    records = encoder()

    assert records.end() == []
    records.encode(events.AppShow(common()))
    assert kinds(records.end()) == ["SessionEnd"]
    assert records.end() == []


def test_a_clock_that_was_set_back_makes_no_negative_length():
    records = encoder()
    records.encode(events.AppShow(common(1_700_000_010_000)))
    records.encode(events.AppShow(common(1_700_000_000_000)))

    assert fields(records.end()[0])["duration"] == 0.0


def test_facts_that_change_count_from_then_on():
    records = encoder(facts={})
    before = fields(records.encode(events.AppShow(common()))[-1])
    records.change(Device(device_model="Other"), external_user_id="later")
    after = fields(records.encode(events.AppShow(common(event_id="e-2")))[-1])

    assert "external_user_id" not in before
    assert (after["external_user_id"], after["device_model"]) == ("later", "Other")
