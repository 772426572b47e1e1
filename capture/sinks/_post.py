"""One JSON request to a partner's API, and its answer, within a deadline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from capture.sinks._deadline import DeadlineCaller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import PoolManager

__all__ = ["Poster", "Reply"]

#: What is read of an answer (bytes): lists of the refused among 2000 events fit.
_MAX_ANSWER_BYTES = 4 * 1024 * 1024


class Reply(msgspec.Struct, frozen=True):
    """An answer: status (0 where there was none), headers, the JSON object in it, and what failed."""

    status: int
    headers: Mapping[str, str] = {}
    content: dict[str, Any] = {}
    problem: str = ""


class Poster:
    """Posts to one URL over one connection; certificates are verified, redirects are not followed.

    Parameters
    ----------
    url : str
    name : str
        Of the sink, for its thread's name.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._caller = DeadlineCaller(f"touchcapture-{name}-request")
        self._pool: PoolManager | None = None
        self._pid = os.getpid()

    def post(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
        """Post `body`; what fails on the way is a reply with status 0."""
        from urllib3.exceptions import HTTPError

        sent = {"User-Agent": "touchcapture", "Content-Type": "application/json", "Accept": "*/*", **headers}
        try:
            reply: Reply = self._caller.call(lambda: self._request(body, sent, timeout_s), timeout_s)
        except TimeoutError:
            # The connection belongs to the request that was left behind.
            self._pool = None
            return Reply(0, problem=f"no answer within {timeout_s:.3g} s")
        except (HTTPError, OSError, ValueError) as error:
            # The text of an error may quote headers, and with them the key.
            return Reply(0, problem=type(error).__name__)
        return reply

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""
        self._caller.abandon()
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def _request(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
        response = self._connections().request(
            "POST",
            self._url,
            body=body,
            headers=headers,
            timeout=timeout_s,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            received = response.read(_MAX_ANSWER_BYTES, decode_content=True)
            if response.length_remaining:
                response.close()
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        return Reply(response.status, response.headers, _object(received))

    def _connections(self) -> PoolManager:
        if self._pool is None or self._pid != os.getpid():
            import urllib3

            self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, cert_reqs="CERT_REQUIRED")
            self._pid = os.getpid()
        return self._pool


def _object(received: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer; empty where it is something else."""
    try:
        return msgspec.json.decode(received, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
