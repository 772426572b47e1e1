"""Sessions: number, screen count, timeout and load times."""

import pytest
from hypothesis import given, strategies as st

from capture.events.session import SessionState

TIMEOUT_MS = 1_800_000
NOW = 1_700_000_000_000


def opened(*times_ms, **kinds):
    state = SessionState()
    for time_ms in times_ms:
        state = state.at(time_ms, TIMEOUT_MS).recorded(time_ms, **kinds)
    return state


def test_the_first_event_opens_session_1():
    state = SessionState().at(NOW, TIMEOUT_MS)

    assert (state.number, state.screen_count, state.first_event_ms) == (1, 0, NOW)


@pytest.mark.parametrize(
    ("pause_ms", "number"),
    [
        pytest.param(TIMEOUT_MS - 1, 1, id="just-inside"),
        pytest.param(TIMEOUT_MS, 2, id="exactly-the-timeout"),
        pytest.param(TIMEOUT_MS + 1, 2, id="just-over"),
        pytest.param(-86_400_000, 1, id="clock-set-back-a-day"),
        pytest.param(0, 1, id="same-time"),
    ],
)
def test_a_pause_ends_the_session(pause_ms, number):
    assert opened(NOW, NOW + pause_ms).number == number


def test_the_timeout_runs_from_the_last_event_not_the_first():
    assert opened(NOW, NOW + TIMEOUT_MS - 1, NOW + 2 * TIMEOUT_MS - 2).number == 1


def test_a_new_session_forgets_screens_and_actions():
    state = opened(NOW, screen=True, action=True).at(NOW + TIMEOUT_MS, TIMEOUT_MS)

    assert (state.screen_count, state.action_ms) == (0, None)
    assert state.load_time_ms(NOW + TIMEOUT_MS) == 0


def test_looking_ahead_changes_nothing():
    state = opened(NOW, screen=True)
    state.at(NOW + TIMEOUT_MS, TIMEOUT_MS)

    assert (state.number, state.screen_count) == (1, 1)


@pytest.mark.parametrize(
    ("actions_ms", "shown_ms", "expected"),
    [
        pytest.param([], 500, 0, id="nothing-led-to-it"),
        pytest.param([100], 500, 400, id="since-the-action"),
        pytest.param([100, 300], 500, 200, id="since-the-later-action"),
        pytest.param([300, 100], 500, 200, id="later-by-time-not-by-order"),
        pytest.param([600], 500, 0, id="clock-set-back"),
    ],
)
def test_load_time(actions_ms, shown_ms, expected):
    state = opened(NOW)
    for action_ms in actions_ms:
        state = state.recorded(NOW + action_ms, action=True)

    assert state.load_time_ms(NOW + shown_ms) == expected


def test_a_stroke_without_an_event_moves_load_times_alone():
    before = opened(NOW)
    after = before.acted(NOW + 50)

    assert after.load_time_ms(NOW + 80) == 30
    assert after.last_event_ms == before.last_event_ms


@given(st.lists(st.integers(0, 3 * TIMEOUT_MS), min_size=1, max_size=30))
def test_numbers_count_the_long_pauses(pauses_ms):
    times = [NOW + sum(pauses_ms[: index + 1]) for index in range(len(pauses_ms))]

    assert opened(*times).number == 1 + sum(pause >= TIMEOUT_MS for pause in pauses_ms[1:])
