"""Event ids and jitter: randomness as a parameter, so that replays and tests decide it."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["NAMESPACE", "derived_id", "derived_ids", "full_jitter", "random_ids"]

#: Namespace of every id that touchcapture derives from content (UUIDv5).
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://touchcapture.invalid/ids")

_POOL_IDS = 64
_POOL_BYTES = 16 * _POOL_IDS
#: The five groups of hexadecimal digits.
_PARTS = struct.Struct("8s4s4s4s12s")
# Version nibble 4, variant bits 10 (RFC 9562, section 5.4).
_RANDOM_BITS = int.from_bytes(bytes.fromhex("ffffffffffff0fff3fffffffffffffff") * _POOL_IDS)
_FIXED_BITS = int.from_bytes(bytes.fromhex("00000000000040008000000000000000") * _POOL_IDS)
# The same of a SHA-1 digest, whose last four bytes go: version nibble 5 (RFC 9562, section 5.5).
_DERIVED_PARTS = struct.Struct("8s4s4s4s12s8x")
_DERIVED_BITS = bytes.fromhex("ffffffffffff0fff3fffffffffffffff00000000")
_DERIVED_FIXED = bytes.fromhex("0000000000005000800000000000000000000000")


def derived_id(name: str) -> str:
    """Return the UUIDv5 of `name`: the same content gives the same id, on any machine."""
    return str(uuid.uuid5(NAMESPACE, name))


def derived_ids(place: str) -> Callable[[Sequence[str]], list[str]]:
    """Return a function that gives `derived_id` of many names that begin with `place`, at half its cost.

    >>> derived_ids("log/0/")(["0/1", "0/2"]) == [derived_id("log/0/0/1"), derived_id("log/0/0/2")]
    True
    """
    begun = hashlib.sha1(NAMESPACE.bytes + place.encode(), usedforsecurity=False)

    def digest(name: str) -> bytes:
        rest = begun.copy()
        rest.update(name.encode())
        return rest.digest()

    def new_ids(names: Sequence[str]) -> list[str]:
        count = len(names)
        # Version and variant of all ids in one step of long arithmetic.
        number = int.from_bytes(b"".join(map(digest, names)))
        number = number & int.from_bytes(_DERIVED_BITS * count) | int.from_bytes(_DERIVED_FIXED * count)
        text = number.to_bytes(len(_DERIVED_BITS) * count).hex().encode()
        return [b"-".join(parts).decode() for parts in _DERIVED_PARTS.iter_unpack(text)]

    return new_ids


def random_ids(entropy: Callable[[int], bytes] = os.urandom) -> Callable[[], str]:
    """Return a function that makes random (version 4) UUIDs as text.

    One read of the system's entropy serves 64 ids, which makes an id cost a sixth of ``uuid.uuid4()``.
    A forked child must call this again: otherwise it would use its parent's pool.
    """
    pool: Iterator[tuple[bytes, ...]] = iter(())

    def new_id() -> str:
        nonlocal pool
        parts = next(pool, None)
        if parts is None:
            # Version and variant of all ids of the pool in one step of long arithmetic.
            number = int.from_bytes(entropy(_POOL_BYTES)) & _RANDOM_BITS | _FIXED_BITS
            pool = _PARTS.iter_unpack(number.to_bytes(_POOL_BYTES).hex().encode())
            parts = next(pool)
        return b"-".join(parts).decode()

    return new_id


def full_jitter(ceiling_s: float) -> float:
    """Return a wait in seconds, uniform between 0 and `ceiling_s` (full jitter)."""
    return random.uniform(0.0, ceiling_s)  # noqa: S311 - spreads retries, hides nothing
