"""A call with a deadline."""

import threading

import pytest

from capture.sinks.deadline import call_with_deadline


def fail():
    raise OSError("no route")


@pytest.fixture(params=["a thread", "no thread at exit"])
def threads(request, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    if request.param != "a thread":
        monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("threads")
def test_the_result_is_returned():
    assert call_with_deadline(lambda: 7, 60, name="a") == 7


@pytest.mark.usefixtures("threads")
def test_an_error_is_raised():
    with pytest.raises(OSError, match="no route"):
        call_with_deadline(fail, 60, name="a")


def test_a_call_that_takes_too_long_is_left_behind():
    ends = threading.Event()
    with pytest.raises(TimeoutError, match=r"not done within 0\.01 s"):
        call_with_deadline(lambda: ends.wait(60), 0.01, name="left-behind")
    ends.set()
