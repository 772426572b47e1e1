"""Event ids and jitter: randomness as a parameter, so that replays and tests decide it."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable

__all__ = ["NAMESPACE", "derived_id", "full_jitter", "random_ids"]

#: Namespace of every id that touchcapture derives from content (UUIDv5).
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://touchcapture.invalid/ids")

_POOL_BYTES = 16 * 64


def derived_id(name: str) -> str:
    """Return the UUIDv5 of `name`: the same content gives the same id, on any machine."""
    return str(uuid.uuid5(NAMESPACE, name))


def random_ids(entropy: Callable[[int], bytes] = os.urandom) -> Callable[[], str]:
    """Return a function that makes random (version 4) UUIDs as text.

    One read of the system's entropy serves 64 ids, which makes an id cost a third of ``uuid.uuid4()``.
    A forked child must call this again: it would hand out its parent's pool otherwise.
    """
    pool = b""
    used = _POOL_BYTES

    def new_id() -> str:
        nonlocal pool, used
        if used >= len(pool):
            pool, used = entropy(_POOL_BYTES).hex().encode(), 0
        text = pool[used : used + 32].decode()
        used += 32
        # Version nibble 4, variant bits 10 (RFC 9562, section 5.4).
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    return new_id


def full_jitter(ceiling_s: float) -> float:
    """Return a wait in seconds, uniform between 0 and `ceiling_s` (full jitter)."""
    return random.uniform(0.0, ceiling_s)  # noqa: S311 - spreads retries, hides nothing
