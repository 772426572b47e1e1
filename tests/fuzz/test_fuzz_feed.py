"""A moment of the fuzzer; `make soak` runs it for ten minutes."""

import random

import pytest
from fuzz.fuzz_feed import once


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_are_recognised_alike_however_driven(seed):
    once(random.Random(seed))
