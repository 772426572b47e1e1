"""The tracking API of Capture: what is recorded, what is refused, and that nothing else ever happens."""

import json
import uuid

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from capture.config import BufferConfig, PrivacyConfig, SessionConfig
from capture.errors import InvalidEventError
from capture.formats import native
from capture.formats.schema import batch_schema
from capture.targets import Target
from capture.testing import FakeClock, decode_batches, memory_capture


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def opened(tmp_path, clock):
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        yield cap, sink


def recorded(cap, sink):
    cap.flush()
    return [event for batch in decode_batches(sink.batches) for event in batch.events]


def test_app_start_goes_before_the_first_event_by_itself(opened):
    cap, sink = opened
    cap.screen_view("A")

    assert [type(event).__name__ for event in recorded(cap, sink)] == ["AppStartWire", "ScreenViewWire"]


def test_an_earlier_app_start_is_that_event_and_a_later_one_is_counted(opened):
    cap, sink = opened
    first = cap.app_start()
    assert cap.app_start() is None
    cap.app_show()
    assert cap.app_start() is None

    assert recorded(cap, sink)[0].event_id == first
    assert len(recorded(cap, sink)) == 2
    assert cap.stats.ignored == {"app_start": 2}


def test_an_app_start_before_the_opt_in_is_made_up_for_after_it(tmp_path):
    cap, sink = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=False))
    with cap:
        assert cap.app_start() is None
        cap.opt_in()
        cap.app_show()
        assert [type(event).__name__ for event in recorded(cap, sink)] == ["AppStartWire", "AppShowWire"]


def test_each_call_returns_the_id_of_its_event(opened):
    cap, sink = opened
    ids = [
        cap.app_start(),
        cap.app_show(),
        cap.screen_view("A"),
        cap.track_transaction(1, "EUR"),
        cap.track_variable("k", "v"),
        cap.track_variable("k", 1),
        cap.app_hide(),
    ]

    assert [event.event_id for event in recorded(cap, sink)] == ids
    assert all(uuid.UUID(event_id).version == 4 for event_id in ids)


def test_what_is_tracked(opened):
    cap, sink = opened
    cap.screen_view("Käse", ["shop", "käse"])
    cap.track_transaction(20, "eur", id="32a")
    cap.track_variable(" tier ", " ")
    cap.track_variable("level", 2**32 - 1)
    view, payment, text, number = recorded(cap, sink)[1:]

    assert (view.title, view.url) == ("Käse", "app-and://app/shop/k%C3%A4se?title=K%C3%A4se")
    assert payment.payment == native.Payment(20.0, 978, "32a")
    assert (text.key, text.value) == ("tier", "cs-empty")
    assert (number.key, number.value) == ("level", 2**32 - 1)


@pytest.mark.parametrize(
    ("call", "arguments", "argument"),
    [
        pytest.param("screen_view", ("",), "name", id="name"),
        pytest.param("screen_view", ("A", ("a", "b", "c")), "path", id="path"),
        pytest.param("track_transaction", (float("nan"), "EUR"), "value", id="value"),
        pytest.param("track_transaction", (1, "???"), "currency", id="currency"),
        pytest.param("track_transaction", (1, "EUR", 7), "id", id="transaction-id"),
        pytest.param("track_variable", ("", "v"), "key", id="key"),
        pytest.param("track_variable", ("k", None), "value", id="variable"),
        pytest.param("set_orientation", (2,), "orientation", id="orientation"),
        pytest.param("set_orientation", (True,), "orientation", id="orientation-bool"),
        pytest.param("set_connectivity", (5,), "connectivity", id="connectivity"),
        pytest.param("set_connectivity", (4, 7), "carrier_id", id="carrier"),
        pytest.param("set_screen", (-1, 1, 1), "width", id="width"),
        pytest.param("set_screen", (1, 1.5, 1), "height", id="height"),
        pytest.param("set_screen", (1, 1, 0.7), "density", id="density"),
        pytest.param("set_idle", (0, print), "after_s", id="idle"),
        pytest.param("flush", (float("inf"),), "timeout", id="deadline-infinite"),
        pytest.param("flush", (float("nan"),), "timeout", id="deadline-nan"),
        pytest.param("flush", (None,), "timeout", id="deadline-none"),
    ],
)
@pytest.mark.parametrize("consent", [True, False], ids=["opted-in", "opted-out"])
def test_a_wrong_argument_is_named_and_nothing_is_recorded(tmp_path, consent, call, arguments, argument):
    cap, sink = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=consent))
    with cap:
        cap.track_variable("before", 1)
        with pytest.raises(InvalidEventError, match=f"^{argument} = .*expected"):
            getattr(cap, call)(*arguments)
        events = recorded(cap, sink)

    assert [type(event).__name__ for event in events] == (
        ["AppStartWire", "NumberVariableWire"] if consent else []
    )


def test_a_wrong_call_is_a_type_error(opened):
    cap, _ = opened
    with pytest.raises(TypeError):
        cap.screen_view()
    with pytest.raises(TypeError):
        cap.track_variable("k", "v", "w")


def test_screens_count_per_session(tmp_path, clock):
    cap, sink = memory_capture(tmp_path, clock=clock, session=SessionConfig(timeout_s=100))
    with cap:
        cap.app_start()
        cap.screen_view("A")
        cap.screen_view("B")
        clock.advance(s=100)
        cap.app_show()
        clock.advance(s=1)
        cap.screen_view("C")
        events = recorded(cap, sink)

    assert [(event.session_number, event.screen_count) for event in events] == [
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
        (2, 1),
    ]
    assert events[3].url == events[2].url
    assert events[4].load_time_ms == 1000


def test_a_wall_clock_that_is_set_back_keeps_session_and_order(opened, clock):
    cap, sink = opened
    cap.track_variable("k", 1)
    clock.set_wall(clock.wall_ns() - 86_400 * 10**9)
    cap.screen_view("A")
    first, second, third = recorded(cap, sink)

    assert third.time_ms < second.time_ms
    assert third.session_number == first.session_number == 1
    assert third.load_time_ms == 0


def test_the_uptime_is_the_systems_and_the_time_the_walls(opened, clock):
    cap, sink = opened
    clock.advance(ns=1_999_999)
    cap.app_show()
    start, _ = recorded(cap, sink)

    assert start.time_ms == clock.wall_ns() // 1_000_000
    assert start.uptime_ms == clock.boot_ns() // 1_000_000


def test_restart_within_the_timeout_continues_the_session(tmp_path, clock):
    for name in ("A", "B"):
        cap, sink = memory_capture(tmp_path, clock=clock)
        with cap:
            cap.screen_view(name)
        clock.advance(s=1799)
    start, view = [event for batch in decode_batches(sink.batches) for event in batch.events]

    assert (start.session_number, start.screen_count) == (1, 1)
    assert (view.session_number, view.screen_count) == (1, 2)
    # The screen of the process before is not on display.
    assert start.url == "app-and://app/?title="


def test_a_session_that_another_capture_went_on_with_meanwhile_continues(tmp_path, clock):
    first, _ = memory_capture(tmp_path, clock=clock)
    first.screen_view("A")
    second, sink = memory_capture(tmp_path, clock=clock)
    clock.advance(s=1700)
    first.screen_view("B")
    first.close()
    clock.advance(s=1700)
    with second:
        second.screen_view("C")
    start, view = [event for batch in decode_batches(sink.batches) for event in batch.events][-2:]

    # The second one had only seen the first screen when it was started.
    assert (start.session_number, view.screen_count) == (1, 3)


def test_restart_after_the_timeout_opens_the_next_session(tmp_path, clock):
    for _ in range(2):
        cap, sink = memory_capture(tmp_path, clock=clock)
        with cap:
            cap.screen_view("A")
        clock.advance(s=1800)

    events = [event for batch in decode_batches(sink.batches) for event in batch.events]
    assert [event.session_number for event in events] == [2, 2]


def test_header_facts_follow_the_host(opened):
    cap, sink = opened
    cap.set_screen(800, 480, 1.5)
    cap.set_orientation(1)
    cap.set_connectivity(3, "verizon")
    cap.track_variable("k", 1)
    event = recorded(cap, sink)[-1]

    assert (event.orientation, event.connectivity, event.carrier_id) == (1, 3, "verizon")
    assert decode_batches(sink.batches)[0].resolution == native.Resolution(480, 800, 1.5)


def test_the_carrier_is_left_out_off_the_mobile_network(opened):
    cap, sink = opened
    cap.set_connectivity(1, "verizon")
    cap.track_variable("k", 1)

    assert recorded(cap, sink)[-1].carrier_id is msgspec.UNSET


# Whatever a caller may pass.
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-1, 2**33),
    st.floats(),
    st.text(max_size=20),
    st.text(st.characters(categories=["Cs", "Cc", "Zs", "L"]), max_size=600),
    st.sampled_from(["EUR", "usd", "978", "🧀" * 2083, "x" * 2084, " " * 600]),
    st.binary(max_size=5),
    st.lists(st.text(max_size=5), max_size=3),
    st.tuples(st.text(max_size=5)),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(object),
    st.just(Target()),
    st.builds(Target, path=st.text(max_size=9), id=st.text(max_size=9), responsive=st.none() | st.booleans()),
    st.complex_numbers(),
    st.decimals(),
)
CALLS = st.sampled_from(
    [
        ("screen_view", 2),
        ("track_transaction", 3),
        ("track_variable", 2),
        ("touch_down", 5),
        ("touch_move", 4),
        ("touch_up", 5),
        ("touch_cancel", 4),
        ("set_orientation", 1),
        ("set_connectivity", 2),
        ("set_screen", 3),
        ("app_start", 0),
        ("app_show", 0),
        ("app_hide", 0),
        ("pause", 0),
        ("resume", 0),
    ]
)
VALIDATOR = jsonschema.Draft202012Validator(batch_schema())


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    cap, sink = memory_capture(folder, buffer=BufferConfig(path=str(folder), flush_interval_s=1e6))
    with cap:
        yield cap, sink


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_argument_of_any_type_is_recorded_rightly_or_refused(fuzzed, data):
    cap, sink = fuzzed
    sink.batches.clear()
    cap.resume()
    for _ in range(data.draw(st.integers(1, 12), label="calls")):
        name, most = data.draw(CALLS)
        arguments = [data.draw(ANYTHING) for _ in range(most)]
        touch = name.startswith("touch_")
        try:
            getattr(cap, name)(*arguments)
        except InvalidEventError as refusal:
            assert not touch
            assert "expected" in str(refusal)  # noqa: PT017 - as above
    cap.track_variable("last", 1)

    assert cap.flush(30)
    for batch in sink.batches:
        VALIDATOR.validate(json.loads(batch.body))
        native.decode(batch.body)
