"""Currents in a live capture: identity, sessions over restarts, buckets, the calls' checks."""

import itertools
import json
import math
import subprocess
import sys

import msgspec
import pytest

from capture import Capture, InvalidEventError, RunConfig
from capture.config import (
    BufferConfig,
    CurrentsConfig,
    DeviceConfig,
    PrivacyConfig,
    ProjectConfig,
    SinkConfig,
)
from capture.errors import ConfigError
from capture.formats.currents.encoder import BUCKETS, random_bucket
from capture.sinks.memory import MemorySink
from capture.testing import START_NS, FakeClock, TouchScript, decode_batches, memory_capture

START_S = START_NS // 10**9


class Runs:
    """Starts captures of one app, one after the other, and keeps what they delivered."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.records = []
        self.batches = []

    def start(self, *, opted_in=True, pii=None, native=True, chords=False):
        config = RunConfig(
            project=ProjectConfig(id=8),
            device=DeviceConfig(
                os_version="15", device_model="Pixel", timezone="Europe/Berlin", connectivity=1
            ),
            buffer=BufferConfig(path=str(self.folder)),
            privacy=PrivacyConfig(opted_in=opted_in, pii=pii or {}),
            currents=CurrentsConfig(app_group_id="group", chords=chords),
        )
        self.sink = MemorySink("currents", formats=("currents",))
        self.native = MemorySink("native")
        return Capture(config, clock=self.clock, sinks=[self.sink, self.native] if native else [self.sink])

    def end(self, cap):
        assert cap.close()
        self.records += [json.loads(payload) for payload in self.sink.payloads]
        self.batches += decode_batches(self.native.batches)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def kinds(records):
    return [record["event_type"].rpartition(".")[2] for record in records]


def of(records, kind):
    return [record for record in records if record["event_type"].endswith("." + kind)]


# Sessions


def test_a_new_user_gets_bucket_first_session_and_session_start(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.end(cap)

    assert kinds(runs.records)[:3] == ["RandomBucketNumberUpdate", "FirstSession", "SessionStart"]
    bucket, first, start = runs.records[:3]
    assert 0 <= bucket["random_bucket_number"] < BUCKETS
    assert "prev_random_bucket_number" not in bucket
    assert first["session_id"] == start["session_id"]
    assert first["time"] == start["time"] == START_S
    assert len({record["id"] for record in runs.records}) == len(runs.records)
    assert {record["app_group_id"] for record in runs.records} == {"group"}


@pytest.mark.parametrize("restarts", [False, True])
def test_the_first_event_long_after_the_opt_in_is_in_session_1(runs, restarts):
    cap = runs.start()
    if restarts:
        runs.end(cap)
        cap = runs.start()
    runs.clock.advance(s=8 * 3600)
    cap.screen_view("Home")
    runs.end(cap)

    assert kinds(runs.records)[:3] == ["RandomBucketNumberUpdate", "FirstSession", "SessionStart"]
    assert [event.session_number for batch in runs.batches for event in batch.events] == [1, 1]


@pytest.mark.parametrize("idle", [0, 1], ids=["the-first-waits", "the-second-waits"])
def test_one_of_two_processes_has_the_first_session(tmp_path, idle):
    processes = [Runs(tmp_path), Runs(tmp_path)]
    caps = [runs.start(native=False) for runs in processes]
    for number in (1 - idle, idle):
        caps[number].screen_view("Home")
    for cap in reversed(caps):  # the first one delivers
        cap.close()
    sent = kinds(json.loads(payload) for runs in processes for payload in runs.sink.payloads)

    assert [sent.count(kind) for kind in ("FirstSession", "SessionStart")] == [1, 2]


@pytest.mark.parametrize("views", [0, 1, 2])
def test_another_user_of_the_device_gets_bucket_first_session_and_session_start(runs, views):
    cap = runs.start()
    for _ in range(views):
        cap.screen_view("Home")
        runs.clock.advance(s=1800)
    cap.new_user()
    cap.screen_view("Home")
    user = cap.user_id
    runs.end(cap)
    records = [record for record in runs.records if record["user_id"] == user]

    assert kinds(records)[:3] == ["RandomBucketNumberUpdate", "FirstSession", "SessionStart"]
    assert runs.batches[-1].user_id == user


def test_a_session_that_has_its_end_is_over_whatever_the_clock_says(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.clock.advance(s=1800)
    runs.end(cap)
    runs.clock.set_wall(START_NS - 3600 * 10**9)
    cap = runs.start()
    cap.screen_view("Home")
    runs.end(cap)

    assert cap.session_number == 2
    assert [len(of(runs.records, kind)) for kind in ("SessionStart", "SessionEnd")] == [2, 1]


@pytest.mark.parametrize(
    ("away_s", "sessions", "durations"),
    [
        # Both runs last 10 s; a session that is still open at the close has no end.
        pytest.param(1799, 1, [], id="within-the-timeout"),
        pytest.param(1800, 2, [10.0], id="at-the-timeout"),
    ],
)
def test_sessions_over_a_restart(runs, away_s, sessions, durations):
    for _ in range(2):
        cap = runs.start()
        cap.screen_view("Home")
        runs.clock.advance(s=10)
        cap.track_variable("tier", "gold")
        runs.end(cap)
        runs.clock.advance(s=away_s)

    starts, ends = of(runs.records, "SessionStart"), of(runs.records, "SessionEnd")
    assert len(starts) == sessions
    assert len(of(runs.records, "FirstSession")) == 1
    assert [end["duration"] for end in ends] == durations
    assert all(end["session_id"] == start["session_id"] for end, start in zip(ends, starts, strict=False))


def test_a_session_over_a_restart_ends_with_its_whole_length(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.clock.advance(s=100.25)
    cap.track_variable("tier", "gold")
    runs.end(cap)
    runs.clock.advance(s=1000)
    cap = runs.start()
    cap.screen_view("Home")
    runs.clock.advance(s=1800)
    # Found at the close: nothing happened for the timeout.
    runs.end(cap)

    (end,) = of(runs.records, "SessionEnd")
    assert (end["duration"], end["time"]) == (1100.25, START_S + 1100)


def test_a_session_that_is_over_at_a_start_ends_there_once(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.clock.advance(s=5)
    cap.track_variable("tier", "gold")
    runs.end(cap)
    runs.clock.advance(s=1800)
    for _ in range(2):
        runs.end(runs.start())

    (end,) = of(runs.records, "SessionEnd")
    assert (end["duration"], end["time"]) == (5.0, START_S + 5)


def test_a_session_that_gets_over_while_nothing_happens_ends_at_the_close(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.end(cap)
    runs.clock.advance(s=1700)
    cap = runs.start()
    runs.clock.advance(s=100)
    runs.end(cap)

    assert kinds(runs.records)[-1] == "SessionEnd"


def test_the_next_event_ends_a_session(runs):
    cap = runs.start()
    cap.screen_view("Home")
    runs.clock.advance(s=1800)
    cap.screen_view("Home")
    runs.end(cap)

    assert kinds(runs.records)[1:] == [
        *("FirstSession", "SessionStart", "CustomEvent", "CustomEvent"),
        *("SessionEnd", "SessionStart", "CustomEvent"),
    ]
    assert of(runs.records, "SessionEnd")[0]["duration"] == 0.0


def test_an_opt_out_ends_nothing_and_makes_a_new_user(runs):
    cap = runs.start()
    cap.identify("customer-4711")
    cap.screen_view("Home")
    first = cap.user_id
    cap.opt_out()
    cap.opt_in()
    cap.screen_view("Home")
    runs.end(cap)

    after = [record for record in runs.records if record["user_id"] != first]
    assert of(runs.records, "SessionEnd") == []
    assert kinds(after) == ["RandomBucketNumberUpdate", "FirstSession", "SessionStart", "CustomEvent"]
    assert not [record for record in after if "external_user_id" in record]


def test_nothing_is_made_before_the_opt_in(runs):
    cap = runs.start(opted_in=False)
    cap.identify("customer-4711")
    assert cap.track_custom_event("x") is None
    runs.end(cap)

    assert runs.records == []
    assert list(runs.folder.iterdir()) == []


# What is recorded


def test_gestures_and_calls_are_recorded_in_both_formats_under_one_id(runs):
    cap = runs.start()
    script = TouchScript(cap, runs.clock)
    cap.screen_view("Home")
    script.tap()
    script.fling()
    purchase = cap.track_purchase("sku", 3.14, "eur", {"size": "L"})
    cap.track_transaction(20, 840)
    runs.end(cap)

    native = [event for batch in runs.batches for event in batch.events]
    own = [record for record in runs.records if record["event_type"].startswith("users.behaviors.C")]
    own += of(runs.records, "Purchase")
    assert {record["id"] for record in own} == {event.event_id for event in native}
    assert [record["name"] for record in of(own, "CustomEvent")] == [
        "app_start",
        "screen_view",
        "tap",
        "fling",
    ]
    (first, second) = of(own, "Purchase")
    assert first["id"] == purchase
    assert (first["product_id"], first["price"], first["currency"]) == ("sku", 3.14, "EUR")
    assert json.loads(first["properties"]) == {"size": "L"}
    assert (second["product_id"], second["currency"]) == ("transaction", "USD")


def test_what_is_only_currents_is_nothing_native(runs):
    cap = runs.start()
    cap.app_start()
    calls = [
        cap.track_custom_event("x", {"a": [1]}),
        cap.track_location(52.52, 13.4, altitude=34.0, horizontal_accuracy=5, vertical_accuracy=3),
        cap.track_install_attribution("campaign"),
    ]
    runs.end(cap)

    assert [event.event_id for batch in runs.batches for event in batch.events].count(calls[0]) == 0
    assert sum(len(batch.events) for batch in runs.batches) == 1
    own = [record for record in runs.records if record["id"] in calls]
    assert kinds(own) == ["CustomEvent", "Location", "InstallAttribution"]


def test_without_a_currents_sink_the_calls_are_harmless(tmp_path):
    sink = MemorySink()
    config = RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
    )
    with Capture(config, sinks=[sink]) as cap:
        cap.identify("customer")
        cap.set_platform("iOS")
        cap.set_advertising_id("a", "ios_idfa")
        cap.track_purchase("sku", 1.0, "EUR")
        cap.track_custom_event("x")
    (batch,) = decode_batches(sink.batches)

    assert [type(event).__name__ for event in batch.events] == ["AppStartWire", "TransactionWire"]


# Who it is


def test_identity_is_kept_over_restarts_and_can_be_taken_back(runs):
    cap = runs.start()
    cap.screen_view("A")
    cap.identify("customer-4711")
    cap.screen_view("B")
    runs.end(cap)
    cap = runs.start()
    cap.screen_view("C")
    cap.identify(None)
    cap.screen_view("D")
    runs.end(cap)

    views = [record for record in runs.records if record.get("name") == "screen_view"]
    known = {json.loads(view["properties"])["title"]: view.get("external_user_id") for view in views}
    assert known == {"A": None, "B": "customer-4711", "C": "customer-4711", "D": None}
    # Another user ends the session, and a session that is continued has the user it had.
    starts = of(runs.records, "SessionStart")
    assert [start.get("external_user_id") for start in starts] == [None, "customer-4711", None]
    assert len({record["device_id"] for record in views}) == 1


def test_a_platform_can_be_unset(runs):
    cap = runs.start()
    cap.set_platform("iOS")
    cap.track_custom_event("with")
    cap.set_platform(None)
    cap.track_custom_event("without")
    runs.end(cap)

    with_one, without = (record for record in runs.records if record.get("name") in {"with", "without"})
    assert with_one["platform"] == "ios"
    assert "platform" not in without


def test_advertising_id_and_platform(runs):
    cap = runs.start()
    cap.set_platform("FireTV")
    cap.set_advertising_id("ad-1", "google_ad_id", tracking_enabled=False)
    cap.track_custom_event("with")
    cap.set_advertising_id(None)
    cap.track_custom_event("without")
    runs.end(cap)

    with_id, without = (record for record in runs.records if record.get("name") in {"with", "without"})
    assert (with_id["ad_id"], with_id["ad_id_type"], with_id["ad_tracking_enabled"]) == (
        "ad-1",
        "google_ad_id",
        False,
    )
    assert with_id["platform"] == "kindle"
    assert {"ad_id", "ad_id_type", "ad_tracking_enabled"}.isdisjoint(without)


def test_hashed_ids_are_the_same_over_restarts_and_no_ids(runs):
    for _ in range(2):
        cap = runs.start(pii={"external_user_id": "hash"})
        cap.identify("customer-4711")
        cap.screen_view("Home")
        runs.end(cap)

    hashes = {record["external_user_id"] for record in runs.records if record.get("name") == "screen_view"}
    assert len(hashes) == 1
    assert all(len(text) == 64 for text in hashes)


def test_a_dropped_required_field_is_counted(runs):
    cap = runs.start(pii={"latitude": "drop"})
    cap.track_location(1, 2)
    dropped = cap.stats.dropped
    runs.end(cap)

    assert dropped == {"currents_pii": 1}
    assert of(runs.records, "Location") == []


def test_what_a_partner_cannot_have_is_counted_under_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXPANEL_TOKEN", "token")
    config = RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
        # Nothing is sent: there is no user whom Mixpanel could know.
        sinks=(SinkConfig(type="mixpanel", options={"url": "http://127.0.0.1:9/"}),),
    )
    with Capture(config) as cap:
        cap.app_start()
        assert cap.flush(30)
        dropped = cap.stats.dropped

    assert dropped == {"mixpanel_not_for_partners": 1, "mixpanel_no_user": 3}


def test_a_wrong_policy_is_a_configuration_error(runs):
    with pytest.raises(ConfigError, match=r"privacy\.pii\.longitude = 'hash'"):
        runs.start(pii={"longitude": "hash"})


# Random buckets


def test_random_buckets_are_uniform_and_stable(runs):
    counts = [0] * BUCKETS
    users = 100_000
    for _ in range(users):
        counts[random_bucket()] += 1
    expected = users / BUCKETS
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    freedom = BUCKETS - 1

    # A chi-square of so many degrees is normal: 5 sigma is one failure in 1.7 million runs.
    assert abs(statistic - freedom) < 5 * math.sqrt(2 * freedom)
    for _ in range(3):
        runs.end(runs.start())
    assert kinds(runs.records) == ["RandomBucketNumberUpdate"]


# Wrong calls

NAN, LONG = math.nan, "x" * 256
DEEP = {}
for _ in range(20):
    DEEP = {"a": DEEP}

WRONG = [
    pytest.param("identify", ("",), "external_user_id", id="identify-empty"),
    pytest.param("identify", (LONG,), "external_user_id", id="identify-long"),
    pytest.param("identify", (5,), "external_user_id", id="identify-type"),
    pytest.param("set_platform", ("Windows",), "platform", id="platform"),
    pytest.param("set_advertising_id", ("a", "idfa"), "ad_id_type", id="ad-id-type"),
    pytest.param("set_advertising_id", ("a",), "ad_id_type", id="ad-id-without-type"),
    pytest.param("track_purchase", ("", 1, "EUR"), "product_id", id="product"),
    pytest.param("track_purchase", ("p", NAN, "EUR"), "price", id="price-nan"),
    pytest.param("track_purchase", ("p", 1e39, "EUR"), "32-bit", id="price-large"),
    pytest.param("track_purchase", ("p", 1, "XXQ"), "currency", id="currency"),
    pytest.param("track_purchase", ("p", 1, "EUR", []), "properties", id="purchase-properties"),
    pytest.param("track_custom_event", ("",), "name", id="name-empty"),
    pytest.param("track_custom_event", (LONG,), "name", id="name-long"),
    pytest.param("track_custom_event", ("x", {1: 2}), "text keys", id="key"),
    pytest.param("track_custom_event", ("x", {"a": NAN}), "finite", id="nan"),
    pytest.param("track_custom_event", ("x", {"a": {1}}), "JSON value", id="set"),
    pytest.param("track_custom_event", ("x", {"a": "\ud800"}), "surrogates", id="surrogate"),
    pytest.param("track_custom_event", ("x", DEEP), "deeper than 16", id="deep"),
    pytest.param("track_custom_event", ("x", {"a": "b" * 900_000}), "at most 891808", id="large"),
    pytest.param("track_location", (90.1, 0), "latitude", id="latitude"),
    pytest.param("track_location", (0, -180.1), "longitude", id="longitude"),
    pytest.param("track_location", (0, 0, NAN), "altitude", id="altitude"),
    pytest.param("track_location", (0, 0, 0, -1), "horizontal_accuracy", id="accuracy"),
    pytest.param("track_install_attribution", ("",), "source", id="source"),
]


@pytest.mark.parametrize(("call", "values", "message"), WRONG)
def test_a_wrong_call_is_refused_before_anything_is_recorded(runs, call, values, message):
    cap = runs.start()
    with pytest.raises(InvalidEventError, match=message):
        getattr(cap, call)(*values)
    runs.end(cap)

    assert kinds(runs.records) == ["RandomBucketNumberUpdate"]


CHANGES = [
    pytest.param("track_custom_event", ("x",), {"name": 5}, id="name"),
    pytest.param("track_custom_event", ("x",), {"properties": {"secret": {1}}}, id="properties"),
    pytest.param("track_purchase", ("p", 1, "EUR"), {"currency_code": "secret"}, id="currency"),
    pytest.param("track_purchase", ("p", 1, "EUR"), {"product_id": ""}, id="product"),
    pytest.param("track_location", (1, 2), {"latitude": 91}, id="latitude"),
    pytest.param("track_install_attribution", ("x",), {"source": None}, id="source"),
]


@pytest.mark.parametrize(("call", "values", "change"), CHANGES)
def test_an_event_that_before_send_makes_wrong_is_dropped_and_counted(runs, caplog, call, values, change):
    cap = runs.start()
    cap.app_start()
    cap.before_send = lambda event: msgspec.structs.replace(event, **change)
    assert getattr(cap, call)(*values) is None
    runs.end(cap)

    assert kinds(runs.records)[3:] == ["CustomEvent"]
    assert cap.stats.dropped == {"before_send": 1}
    assert "before_send failed" in caplog.text
    assert "{1}" not in caplog.text


def test_properties_that_before_send_changes_in_place_are_checked(runs):
    cap = runs.start()
    cap.app_start()
    cap.before_send = lambda event: event.properties.update(a={1}) or event
    assert cap.track_custom_event("x", {"a": 1}) is None
    runs.end(cap)

    assert cap.stats.dropped == {"before_send": 1}


@pytest.mark.parametrize("place", [*itertools.product((-90, 0, 90), (-180, 0, 180))])
def test_every_place_on_earth_is_recorded(runs, place):
    cap = runs.start(native=False)
    cap.track_location(*place)
    runs.end(cap)

    (record,) = of(runs.records, "Location")
    assert (record["latitude"], record["longitude"]) == place


def test_a_replay_ends_its_last_session_and_makes_the_same_files_each_time(tmp_path):
    pytest.importorskip("fastavro")
    log = tmp_path / "log.csv"
    rows = ["stream,pointer,action,time,x,y"]
    for number in range(4):
        # Two taps in a minute, an hour's pause, two taps more: two sessions.
        down = (number % 2) * 60 + (number // 2) * 3660
        rows += [f"0,0,0,{down * 10**9},10,10", f"0,0,1,{down * 10**9 + 5 * 10**7},10,10"]
    log.write_text("\n".join(rows) + "\n")
    listings = []
    for name in ("one", "two"):
        start = ["--start-time", "1700000000000"]
        done = subprocess.run(
            [sys.executable, "-m", "capture", "currents", log, *start, "-o", tmp_path / name, "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        listings.append(json.loads(done.stdout)["files"])

    assert listings[0] == listings[1]
    assert {
        info["path"].partition("event_type=")[2].partition("/")[0].rpartition(".")[2]: info["rows"]
        for info in listings[0]
    } == {"FirstSession": 1, "SessionStart": 2, "SessionEnd": 2, "CustomEvent": 4}


# Several fingers


def pinch(cap):
    for pointer, x in ((0, 100), (1, 200)):
        cap.touch_down(pointer, x, 100, time=pointer)
    cap.touch_move(1, 300, 100, time=20_000_000)
    cap.touch_up(1, 300, 100, time=30_000_000)
    cap.touch_up(0, 100, 100, time=40_000_000)


@pytest.mark.parametrize("asked", [True, False])
def test_a_pinch_is_a_custom_event_where_asked_for(runs, asked):
    cap = runs.start(chords=asked)
    pinch(cap)
    assert cap.stats.chords == {"pinch": 1}
    runs.end(cap)

    found = [each for each in of(runs.records, "CustomEvent") if each["name"] != "app_start"]
    assert [record["name"] for record in found] == ["pinch"] * asked
    for record in found:
        assert json.loads(record["properties"]) == {
            "fingers": 2,
            "scale": 2.0,
            "rotation": 0.0,
            "direction": "none",
            "duration_ms": pytest.approx(30, abs=0.01),
        }


def test_a_chord_comes_behind_its_strokes_as_in_a_replay(runs):
    cap = runs.start(chords=True)
    cap.screen_view("Home")
    runs.clock.advance(s=1800)
    for pointer in (0, 1):
        cap.touch_down(pointer, 100 + pointer * 50, 100)
    cap.touch_up(0, 100, 100)
    cap.touch_cancel(1)
    assert cap.stats.chords == {"tap": 1}
    runs.clock.advance(ms=10)
    cap.screen_view("Basket")
    runs.end(cap)
    view = next(event for event in runs.batches[-1].events if getattr(event, "title", "") == "Basket")

    # The session that the chord opens has no UP of a gesture.
    assert (view.session_number, view.load_time_ms) == (2, 0)


def test_chords_make_nothing_native(tmp_path):
    cap, sink = memory_capture(tmp_path, clock=FakeClock(), currents=CurrentsConfig(chords=True))
    with cap:
        cap.screen_view("Home")
        pinch(cap)
        assert cap.stats.chords == {"pinch": 1}
    events = [event for batch in decode_batches(sink.batches) for event in batch.events]

    assert {type(event).__name__ for event in events} <= {"AppStartWire", "ScreenViewWire"}
