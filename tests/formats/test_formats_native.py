"""The native wire format: keys, order, types, splicing, and its JSON Schema."""

import json
from types import SimpleNamespace

import jsonschema
import msgspec
import pytest

from capture import events, formats
from capture.config import ProjectConfig
from capture.errors import ConfigError
from capture.events import GESTURE_EVENTS, device
from capture.formats import native
from capture.formats.schema import batch_schema
from capture.gestures.kinds import KINDS, Direction, GestureKind
from capture.targets import Target

UUID = "ac1529a7-59f6-49d9-b254-6f0a22f57284"
FORMAT = formats.get("native")
ORIGIN = events.version_origin(ProjectConfig(id=8, app_version="3.1", app_build=4))
COMMON_KEYS = ["ea", "upt", "euid", "url", "scn", "c", "ci", "o", "vo", "sn", "t"]
VALIDATOR = jsonschema.Draft202012Validator(batch_schema())


def common(carrier_id="verizon"):
    return events.CommonSection(
        uptime_ms=1522,
        event_id=UUID,
        url="app-and://shop/?title=Checkout",
        screen_count=4,
        connectivity=3,
        carrier_id=carrier_id,
        orientation=1,
        version_origin=ORIGIN,
        session_number=1,
        time_ms=1_289_472_645_943,
    )


def header(**changes):
    known = {
        "project_id": 8,
        "user_id": UUID,
        "device_type": 4,
        "device_manufacturer": "Fairphone",
        "device_model": "FP5",
        "os_version": "14",
        "language": "en_US",
        "timezone": "Europe/Paris",
        "sent_at": 0,
        "origin": native.Origin(app_name="shop", sdk_type="SDK-python", sdk_flavor="release"),
        "resolution": native.Resolution.portrait(1080, 2400, 2.75),
    }
    return native.Header(**{**known, **changes})


GESTURE = SimpleNamespace(
    kind=GestureKind.DRAG, direction=Direction.LEFT, distance=100.2, velocity=99.5, rage=False, tap_count=0
)
TARGET = Target(path="[root]>view#id>view2>", id="btn_ok", responsive=True)
MOVED = (TARGET, 3, 100, 100, GESTURE)

EVENTS = [
    pytest.param(events.AppStart(common()), 0, {}, id="app-start"),
    pytest.param(events.AppShow(common()), 1, {}, id="app-show"),
    pytest.param(events.AppHide(common()), 2, {}, id="app-hide"),
    pytest.param(events.ScreenView(common(), "Käse", 345), 4, {"st": "Käse", "sl": 345}, id="screen-view"),
    pytest.param(
        events.Tap(common(), TARGET, True, GESTURE),
        6,
        {"tvp": "[root]>view#id>view2>", "tvid": "btn_ok", "ur": True},
        id="tap",
    ),
    pytest.param(
        events.LongPress(common(), Target(), GESTURE), 8, {"tvp": "[root]>", "tvid": ""}, id="long-press"
    ),
    pytest.param(
        events.Drag(common(), *MOVED),
        9,
        {"tvp": "[root]>view#id>view2>", "tvid": "btn_ok", "fd": 3, "tvd": 100, "tvv": 100},
        id="drag",
    ),
    pytest.param(
        events.Fling(common(), *MOVED),
        10,
        {"tvp": "[root]>view#id>view2>", "tvid": "btn_ok", "fd": 3, "tvd": 100, "tvv": 100},
        id="fling",
    ),
    pytest.param(
        events.Transaction(common(), 20.0, 978, "EUR", "32a"),
        16,
        {"tr": {"vl": 20.0, "cu": 978, "id": "32a"}},
        id="transaction",
    ),
    pytest.param(
        events.Transaction(common(), 20.0, 978, "EUR"),
        16,
        {"tr": {"vl": 20.0, "cu": 978}},
        id="transaction-without-id",
    ),
    pytest.param(
        events.StringVariable(common(), "tier", "gold"), 18, {"k": "tier", "v": "gold"}, id="string-variable"
    ),
    pytest.param(
        events.NumberVariable(common(), "level", 2**32 - 1),
        19,
        {"k": "level", "v": 2**32 - 1},
        id="number-variable",
    ),
]


@pytest.mark.parametrize(("event", "action", "own"), EVENTS)
def test_keys_order_and_values(event, action, own):
    wire = json.loads(FORMAT.encode(event))

    assert list(wire) == [*COMMON_KEYS, *own]
    assert {key: wire[key] for key in own} == own
    assert [wire[key] for key in COMMON_KEYS] == [
        action,
        1522,
        UUID,
        "app-and://shop/?title=Checkout",
        4,
        3,
        "verizon",
        1,
        {"sv": "0.1.0", "sb": 100, "av": "3.1", "af": "release", "ab": 4},
        1,
        1_289_472_645_943,
    ]


@pytest.mark.parametrize(("event", "action", "own"), EVENTS)
def test_events_obey_the_schema_and_can_be_read_back(event, action, own):
    body = FORMAT.compose(header(), [FORMAT.encode(event)], 1_522_159_618_000)

    VALIDATOR.validate(json.loads(body))
    read = native.decode(body).events[0]
    assert read.__struct_config__.tag == action
    assert msgspec.json.encode(read) == FORMAT.encode(event)


def test_a_float_value_stays_a_float():
    assert b'"vl":20.0,' in FORMAT.encode(events.Transaction(common(), 20.0, 978, "EUR", "x"))


@pytest.mark.parametrize(("event", "action", "own"), EVENTS)
def test_an_unknown_carrier_is_left_out(event, action, own):
    without = msgspec.structs.replace(event, common=common(carrier_id=None))

    assert list(json.loads(FORMAT.encode(without))) == [*(k for k in COMMON_KEYS if k != "ci"), *own]


def test_what_is_no_native_event_has_no_bytes():
    assert FORMAT.encode(object()) is None


def test_header_keys_and_order():
    batch = json.loads(FORMAT.compose(header(), [b'{"ea":0}'], 1_522_159_618_000))

    assert batch == {
        "pid": 8,
        "uid": UUID,
        "dt": 4,
        "dma": "Fairphone",
        "dmo": "FP5",
        "os": "14",
        "l": "en_US",
        "tz": "Europe/Paris",
        "now": 1_522_159_618_000,
        "to": {"an": "shop", "st": "SDK-python", "sf": "release"},
        "r": {"w": 1080, "h": 2400, "d": 2.75},
        "pl": [{"ea": 0}],
    }
    assert list(batch) == ["pid", "uid", "dt", "dma", "dmo", "os", "l", "tz", "now", "to", "r", "pl"]


def test_unknown_manufacturer_and_model_are_left_out():
    unknown = header(device_manufacturer=msgspec.UNSET, device_model=msgspec.UNSET)
    batch = json.loads(FORMAT.compose(unknown, [b"{}"], 5))

    assert list(batch) == ["pid", "uid", "dt", "os", "l", "tz", "now", "to", "r", "pl"]


def test_stored_bytes_are_spliced_in_unchanged():
    stored = [b'{"ea":0, "odd":  1e3}', b'{"k":"\\u00e9"}']
    body = FORMAT.compose(header(), stored, 5)

    assert body.endswith(b',"pl":[' + stored[0] + b"," + stored[1] + b"]}")


@pytest.mark.parametrize(
    ("width", "height"), [pytest.param(1080, 2400, id="upright"), pytest.param(2400, 1080, id="turned")]
)
def test_the_resolution_is_that_of_the_upright_screen(width, height):
    resolution = native.Resolution.portrait(width, height, 2)

    assert msgspec.json.encode(resolution) == b'{"w":1080,"h":2400,"d":2.0}'


def test_the_schema_is_valid_and_requires_what_the_format_requires():
    schema = batch_schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    batch = schema["$defs"]["Batch"]
    assert set(batch["properties"]) - set(batch["required"]) == {"dma", "dmo"}
    tap = schema["$defs"]["Tap"]
    assert list(tap["properties"]) == [*COMMON_KEYS, "tvp", "tvid", "ur"]
    assert set(tap["properties"]) - set(tap["required"]) == {"ci"}


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda batch: batch.pop("now"), id="no-time-of-sending"),
        pytest.param(lambda batch: batch["to"].pop("st"), id="no-sdk-type"),
        pytest.param(lambda batch: batch.update(pl=[]), id="no-event"),
        pytest.param(lambda batch: batch.update(extra=1), id="another-key"),
        pytest.param(lambda batch: batch.update(dma=None), id="null-for-unknown"),
        pytest.param(lambda batch: batch["r"].update(d=0.5), id="density-too-low"),
        pytest.param(lambda batch: batch["pl"][0].update(sn=0), id="session-0"),
        pytest.param(lambda batch: batch["pl"][0].update(ea=3), id="unknown-action"),
        pytest.param(lambda batch: batch["pl"][0].update(c=5), id="unknown-connectivity"),
        pytest.param(lambda batch: batch["pl"][0].update(upt=1.5), id="fraction-of-a-ms"),
        pytest.param(lambda batch: batch["pl"][0].update(euid="7"), id="no-uuid"),
        pytest.param(lambda batch: batch["pl"][0].update(fd=0), id="no-direction"),
        pytest.param(lambda batch: batch["pl"][0].update(tvd=2**31), id="distance-over-the-cap"),
    ],
)
def test_schema_and_reader_refuse_what_is_wrong(break_it):
    batch = json.loads(FORMAT.compose(header(), [FORMAT.encode(events.Drag(common(), *MOVED))], 5))
    VALIDATOR.validate(batch)
    break_it(batch)

    assert not VALIDATOR.is_valid(batch)
    with pytest.raises(msgspec.ValidationError):
        native.decode(msgspec.json.encode(batch))


def test_decode_tells_header_and_events_apart():
    batch = native.decode(FORMAT.compose(header(), [FORMAT.encode(events.AppStart(common()))], 77))

    assert batch.header == header(sent_at=77)
    assert type(batch.events[0]) is native.AppStartWire


def test_an_unknown_format_is_a_configuration_error():
    with pytest.raises(ConfigError, match="wire = 'xml': expected one of native"):
        formats.get("xml")


def test_the_header_of_an_app_on_a_device():
    project = ProjectConfig(id=8, app_name="shop", sdk_flavor="debug")
    facts = device.Device(device_type=4, device_model="FP5", width=2400, height=1080, density=2.75)

    assert native.make_header(project, facts, UUID) == native.Header(
        project_id=8,
        user_id=UUID,
        device_type=4,
        device_model="FP5",
        os_version="",
        language="en_US",
        timezone="UTC",
        sent_at=0,
        origin=native.Origin(app_name="shop", sdk_type="SDK-python", sdk_flavor="debug"),
        resolution=native.Resolution(1080, 2400, 2.75),
    )


@pytest.mark.parametrize(
    ("event", "error"),
    [
        pytest.param(events.ScreenView(common(), 7, 0), msgspec.ValidationError, id="wrong-type"),
        pytest.param(events.ScreenView(common(), "x", -1), msgspec.ValidationError, id="out-of-range"),
        pytest.param(events.ScreenView(common(), "\ud800", 1), UnicodeEncodeError, id="no-unicode"),
        pytest.param(events.ScreenView(common(), object(), 1), TypeError, id="no-json"),
    ],
)
def test_check_refuses_what_others_made_wrongly(event, error):
    with pytest.raises(error):
        native.check(event)


@pytest.mark.parametrize(("event", "action", "own"), EVENTS)
def test_check_takes_what_is_right(event, action, own):
    native.check(event)


def test_the_wire_struct_of_a_kind_has_its_number_and_the_fields_of_the_table():
    for row in KINDS:
        if row.event is not None:
            struct = getattr(native, f"{GESTURE_EVENTS[row.kind].__name__}Wire")
            own = {"target_path", "target_id", *(("direction", "distance", "velocity") if row.moves else ())}

            assert struct.__struct_config__.tag == row.kind
            assert own <= set(struct.__struct_fields__)
