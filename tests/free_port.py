"""A port for a server of a test."""

import contextlib
import random
import socket

#: Not `random.random`: a test may have set its seed, and so may the tests in other processes.
_CHANCE = random.SystemRandom()


def free_port():
    """Return a port that no outgoing connection takes: who connects to a closed one may meet itself.

    A random one: another process, that asks before this one listens, gets another.
    """
    for port in _CHANCE.sample(range(20_000, 32_000), 1000):
        with contextlib.suppress(OSError), socket.socket() as made:
            made.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")
