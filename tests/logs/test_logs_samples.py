"""Watching over chunks of samples: the times that went back, stream by stream."""

import time
from collections import Counter

import msgspec
import numpy as np
import pytest

from capture import TouchSamples
from capture.logs.samples import Fingers

MOVE = 2


def chunk(times, streams=None):
    count = len(times)
    return TouchSamples(
        stream=None if streams is None else np.asarray(streams, np.int64),
        pointer=None,
        action=np.full(count, MOVE, np.uint8),
        time=np.asarray(times, np.int64),
        x=np.zeros(count, np.float32),
        y=np.zeros(count, np.float32),
    )


def went_back(*chunks):
    warnings = Counter()
    fingers = Fingers(warnings)
    for each in chunks:
        fingers.watch(each)
    return warnings


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([chunk([5, 4, 6])], id="within-a-chunk"),
        pytest.param([chunk([5, 6]), chunk([5, 7])], id="between-chunks"),
        pytest.param([chunk([5, 6]), chunk([]), chunk([5, 7])], id="around-an-empty-chunk"),
        pytest.param([chunk([5, 6]), chunk([1, 5, 7], [1, 0, 0])], id="of-one-stream-of-two"),
    ],
)
def test_one_time_that_went_back_is_counted_as_json_holds_it(chunks):
    assert msgspec.json.encode(went_back(*chunks)) == b'{"time_went_back":1}'


def test_times_are_compared_within_their_stream():
    generator = np.random.default_rng(1)
    streams = generator.integers(-3, 4, 2000)
    times = generator.integers(0, 100, 2000)
    expected, last = 0, {}
    for stream, at in zip(streams.tolist(), times.tolist(), strict=True):
        expected += at < last.get(stream, at)
        last[stream] = at
    chunks = [chunk(times[at : at + 300], streams[at : at + 300]) for at in range(0, 2000, 300)]

    assert went_back(*chunks) == {"time_went_back": expected}


def test_many_streams_take_no_time_each():
    many = chunk(np.arange(1 << 16), np.arange(1 << 16))
    start = time.process_time()

    assert went_back(many) == {}
    assert time.process_time() - start < 1
