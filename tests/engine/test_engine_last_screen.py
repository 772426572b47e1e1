"""The screen of the run before: events that wait leave under it, before the app's window is there."""

import pytest

from capture.config import DeviceConfig
from capture.engine import device as detection
from capture.formats import native
from capture.testing import FakeClock, decode_batches, memory_capture


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch):
    """As on a machine that tells no screen."""
    monkeypatch.setattr(detection, "_screen", lambda root: (0, 0))


def start(folder, **device):
    return memory_capture(folder, clock=FakeClock(), device=DeviceConfig(**device))


def resolutions(sink):
    return [batch.resolution for batch in decode_batches(sink.batches)]


def test_events_of_the_run_before_leave_under_its_screen(tmp_path):
    with start(tmp_path)[0] as cap:
        cap.set_screen(1080, 2340, 2.75)
        cap.set_orientation(0)
    cap, sink = start(tmp_path)
    with cap:
        assert (cap.device.width, cap.device.height, cap.device.density) == (1080, 2340, 2.75)
        cap.track_variable("k", 1)
        assert cap.flush()
        cap.set_screen(600, 900, 1.5)
        cap.track_variable("k", 2)

    assert resolutions(sink) == [native.Resolution(1080, 2340, 2.75), native.Resolution(600, 900, 1.5)]


def test_the_last_run_counts_and_a_landscape_is_one(tmp_path):
    for size in ((1080, 2340), (2560, 1600)):
        with start(tmp_path)[0] as cap:
            cap.set_screen(*size, 2.0)
    with start(tmp_path)[0] as cap:
        assert (cap.device.width, cap.device.height, cap.device.orientation) == (2560, 1600, 1)


def test_the_configuration_overrides_it(tmp_path):
    with start(tmp_path)[0] as cap:
        cap.set_screen(1080, 2340, 2.75)
    with memory_capture(tmp_path, clock=FakeClock(), device=DeviceConfig(density=3.0, orientation=1))[
        0
    ] as cap:
        assert (cap.device.width, cap.device.density, cap.device.orientation) == (1080, 3.0, 1)


def test_a_new_user_keeps_it_and_an_opt_out_forgets_it(tmp_path):
    with start(tmp_path)[0] as cap:
        cap.set_screen(1080, 2340, 2.75)
        cap.new_user()
    with start(tmp_path)[0] as cap:
        assert cap.device.width == 1080
        cap.opt_out()
    with start(tmp_path)[0] as cap:
        cap.opt_in()
        assert cap.device.width == 0


@pytest.mark.parametrize("screen", [7, {}, {"width": "a"}, {"width": 1, "height": 2, "density": 99}])
def test_a_screen_that_makes_no_sense_is_none(screen):
    from capture.engine.last_screen import last_screen

    assert last_screen({"screen": screen}, DeviceConfig()) == {}
