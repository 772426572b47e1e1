"""A port for a server of a test."""

import contextlib
import os
import socket


def free_port():
    """Return a port that no outgoing connection takes: who connects to a closed one may meet itself."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with contextlib.suppress(OSError), socket.socket() as made:
            made.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")
