"""The scanners on random bytes and mutated segments: they end, stay inside, and return nothing altered."""

import os
import random
import time

from example_count import examples
from journal_events import HEAD, number_of, put, segments

from capture._native.journal_scan import scan, walk
from capture.store import Store
from capture.store.segment import read_header, wire_number
from capture.testing import FakeClock

SECONDS = 600 if os.environ.get("CAPTURE_SOAK", "") not in {"", "0"} else examples(20)
NATIVE = wire_number("native")


def mutated(chance, data):
    data = bytearray(data)
    for _ in range(chance.randrange(1, 9)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + 16] = chance.randbytes(16)
            case 2:
                del data[at : at + chance.randrange(200)]
            case 3:
                data[at:at] = bytes(chance.randrange(200))
            case _:
                # A size that reaches anywhere.
                data[at : at + 4] = chance.choice([0, 1, 2**31, 2**32 - 1, len(data)]).to_bytes(4, "little")
        if not data:
            break
    return bytes(data)


def test_random_and_mutated_segments(tmp_path):
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(store, 0, 200)
    store.close()
    whole = segments(tmp_path)[0].read_bytes()
    seed, records = read_header(whole[:128]).seed, whole[HEAD:]
    chance = random.Random(8)
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end:
        data = chance.randbytes(chance.randrange(4000)) if chance.random() < 0.2 else mutated(chance, records)
        found, used = walk(data, seed)
        assert 0 <= used < len(data) + 8
        assert all(at + 64 + size <= used for at, size, *_ in found)
        payloads, ids, _, used, seq, gap, _ = scan(
            data, seed, NATIVE, chance.choice([-1, 0, 50]), chance.choice([1, 2, 50, 10_000]), 10**9
        )
        assert 0 <= used < len(data) + 8
        assert gap >= 0
        assert seq >= -1
        for payload, event in zip(payloads, ids, strict=True):
            assert payload == b'{"n":%d}' % number_of(event)
        found, used = walk(data, seed, True)
        assert 0 <= used < len(data) + 8
        assert all(at + 64 + size <= len(data) for at, size, *_ in found)
        assert walk(data, -1, True) == ([], 0)
        rounds += 1
    assert rounds > 100
