"""The door: an ASGI application that reads, checks and journals batches.

Its answers are the table in ``docs/gateway.md``. It keeps nothing between requests but counts, so that
any number of them can run behind a balancer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from capture.errors import StoreError
from capture.formats.receive import NotABatchError, Received, TooLargeError, read_batch, unpack
from capture.gateway.journal import Journal, Line
from capture.gateway.state import totals
from capture.gateway.topic import MessageTooLargeError, Topic
from capture.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.gateway.config import GatewayConfig, ProjectSection
    from capture.gateway.metrics import Metrics

__all__ = ["Door", "open_outlet"]

#: Seconds until a device may try again: drawn for each answer, or a herd would come back together.
_RETRY_AFTER_S = (1, 30)
#: A body of at most this size is read, and thrown away, before an early answer: a connection that is closed
#: while a device still sends looks to it like a failure of the network.
_MAX_DISCARDED = 4 * 1024 * 1024
_DISCARD_S = 5.0
_KEY_CHARS = 100
#: Events that may come at once above the rate, and users whose rate is remembered.
_BURST = 100_000
_MAX_RATES = 100_000
_encode = msgspec.json.Encoder().encode


def open_outlet(config: GatewayConfig, on_sync: Callable[[float], object] = float) -> Journal | Topic:
    """Return where the accepted batches of a configuration go."""
    if config.kafka.brokers:
        return Topic(config.kafka)
    return Journal(config.journal_folder, config.journal, on_sync=on_sync)


class _Answer(NamedTuple):
    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _RefusedError(Exception):
    """A request that is not accepted."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def answer(self) -> _Answer:
        wait = (b"retry-after", b"%d" % random.randint(*_RETRY_AFTER_S))  # noqa: S311 - no secret
        return _Answer(self.status, _encode({"error": str(self)}), (wait,) if self.status == 503 else ())


class Door:
    """The application.

    Parameters
    ----------
    config : GatewayConfig
    outlet : Journal or Topic
    metrics : Metrics

    Attributes
    ----------
    problem : str
        Why nothing can be accepted at the moment, or an empty text.
    is_writer_down : bool
        Whether a writer should run beside the door, and does not.
    """

    def __init__(self, config: GatewayConfig, outlet: Journal | Topic, metrics: Metrics) -> None:
        self.problem = "starting"
        self.is_writer_down = False
        self._config = config
        self._limits = config.limits
        self._max_body = config.max_body_bytes
        self._outlet = outlet
        self._metrics = metrics
        self._rates = _Rates()
        self._in_flight = 0
        self._in_flight_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        path = scope["path"]
        if scope["method"] == "POST":
            await self._post(scope, receive, send)
        elif path == "/healthz":
            await _reply(send, _Answer(200))
        elif path == "/readyz":
            problem = self.problem or ("the writer is down" if self.is_writer_down else "")
            await _reply(send, _Answer(503 if problem else 200, _encode({"problem": problem})))
        elif path == "/metrics" and self._shows_metrics(scope):
            await self.metrics(scope, receive, send)
        else:
            await _reply(send, _RefusedError(404, "batches are posted to /batches").answer())

    def _shows_metrics(self, scope: Any) -> bool:
        listen = self._config.listen
        client = (scope.get("client") or ("",))[0]
        return self._config.metrics.listen is None and not listen.behind_proxy and is_loopback(client)

    async def metrics(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer any client with the metrics."""
        del scope, receive
        self._metrics.set("in_flight", self._in_flight)
        self._metrics.set("in_flight_bytes", self._in_flight_bytes)
        written: dict[tuple[str, str], float] = {}
        with contextlib.suppress(StoreError):  # the writer says it
            written = totals(self._config.state_folder)
        text = self._metrics.text(written).encode()
        await _reply(send, _Answer(200, text), b"text/plain; version=0.0.4")

    async def _post(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        project = self._config.project_of(headers.get(b"authorization", b""))
        length = headers.get(b"content-length", b"")
        size = int(length[:15]) if length.isdigit() else -1
        body: bytes | None = None
        try:
            project = self._admit(scope["path"], project, headers, size)
            self._in_flight += 1
            self._in_flight_bytes += size
            try:
                body = await _body(receive, size, self._config.listen.request_timeout_s)
                answer = await self._accept(project, headers, body)
            finally:
                self._in_flight -= 1
                self._in_flight_bytes -= size
        except _RefusedError as error:
            answer = error.answer()
            if error.status == 501 or (body is None and not await _drained(receive, size)):
                answer = answer._replace(headers=(*answer.headers, (b"connection", b"close")))
        label = "none" if project is None else project.id
        self._metrics.add("requests_total", project=label, status=answer.status)
        await _reply(send, answer)

    def _admit(
        self, path: str, project: ProjectSection | None, headers: dict[bytes, bytes], size: int
    ) -> ProjectSection:
        """Return the sender's project, if a body of this size may be read."""
        if path != "/batches" and not (path.startswith("/v1/") and path.endswith("/batches")):
            raise _RefusedError(404, "batches are posted to /batches")
        if project is None:
            raise _RefusedError(401, "expected Authorization: Bearer with the token of a project")
        if path not in {"/batches", f"/v1/{project.id}/batches"}:
            raise _RefusedError(403, "the token is of another project")
        if size < 0:
            raise _RefusedError(411, "Content-Length is missing")
        if size > self._max_body:
            raise _RefusedError(413, f"larger than {self._max_body} bytes")
        if b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower():
            # The parser took what follows for another protocol.
            raise _RefusedError(501, "Upgrade is not supported: send HTTP/1.1 without it")
        if _encoding(headers) not in {b"gzip", b"identity", b""}:
            raise _RefusedError(415, "Content-Encoding: expected gzip or none")
        if self.problem:
            raise _RefusedError(503, self.problem)
        is_full = self._in_flight >= self._limits.max_in_flight
        if is_full or self._in_flight_bytes + size > self._limits.max_in_flight_bytes:
            raise _RefusedError(503, "too many requests under way")
        return project

    async def _accept(self, project: ProjectSection, headers: dict[bytes, bytes], body: bytes) -> _Answer:
        packed = _encoding(headers) == b"gzip"
        try:
            text = unpack(body, self._limits.max_unpacked_bytes) if packed else body
            received = read_batch(text)
        except TooLargeError as error:
            raise _RefusedError(413, str(error)) from None
        except NotABatchError as error:
            raise _RefusedError(400, str(error)) from None
        self._check(project, received)
        now = time.time_ns() // 1_000_000
        key = headers.get(b"idempotency-key", b"")[:_KEY_CHARS].decode(errors="replace")
        line = Line(received=now, project=project.id, wire=received.wire, key=key, bad=received.problems)
        member = body if packed and not received.is_changed else zlib.compress(received.body, 1, 31)
        try:
            await self._outlet.take(line, received, member)
        except MessageTooLargeError:
            raise _RefusedError(413, "larger than the topic's limit for a message") from None
        except OSError as error:
            raise _RefusedError(503, f"cannot be stored: {error.strerror or error}") from None
        return self._count(project, received, now)

    def _check(self, project: ProjectSection, received: Received) -> None:
        if received.project_id not in {None, project.id}:
            raise _RefusedError(403, f"`pid` is {received.project_id}; the token is of another project")
        if received.wire not in project.wires:
            raise _RefusedError(403, f"wire format {received.wire}: the project sends {project.wires[0]}")
        count = received.accepted + len(received.problems)
        keys = [((project.id, user), project.rate_events_s) for user in received.users]
        keys.append(((project.id, ""), project.project_rate_events_s))
        if not self._rates.allow(keys, count):
            raise _RefusedError(503, "too many events of this user or project")

    def _count(self, project: ProjectSection, received: Received, now_ms: int) -> _Answer:
        metrics = self._metrics
        metrics.add("events_accepted_total", received.accepted, project=project.id)
        if received.sent_at_ms is not None:
            metrics.set("clock_skew_seconds", (now_ms - received.sent_at_ms) / 1000, project=project.id)
        if not received.problems:
            return _Answer(200, b'{"accepted":%d}' % received.accepted)
        metrics.add("events_quarantined_total", len(received.problems), project=project.id)
        reasons = [{"index": each.index, "reason": each.reason} for each in received.problems]
        return _Answer(200, _encode({"accepted": received.accepted, "quarantined": reasons}))


class _Rates:
    """Events per second by key: a bucket that fills at the rate, and holds a burst."""

    def __init__(self) -> None:
        #: Key -> remaining allowance, and its time.
        self._left: OrderedDict[tuple[int, str], tuple[float, float]] = OrderedDict()

    def allow(self, keys: list[tuple[tuple[int, str], float]], count: int) -> bool:
        """Subtract `count` events from every key with a rate, unless one has too few."""
        now = time.monotonic()
        taken = {}
        for key, rate in keys:
            if rate:
                left, since = self._left.get(key, (_BURST, now))
                left = min(_BURST, left + (now - since) * rate) - count
                if left < 0:
                    return False
                taken[key] = left, now
        for key, state in taken.items():
            self._left[key] = state
            self._left.move_to_end(key)
        while len(self._left) > _MAX_RATES:
            self._left.popitem(last=False)
        return True


def _encoding(headers: dict[bytes, bytes]) -> bytes:
    """Return the encoding of a body; names have any case, and gzip has two."""
    return headers.get(b"content-encoding", b"identity").lower().removeprefix(b"x-")


async def _body(receive: Any, size: int, timeout_s: float) -> bytes:
    """Return a body of the size in its header."""
    body = b""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message: dict[str, Any] = await receive()
                if message["type"] == "http.disconnect":
                    raise _RefusedError(400, "the connection ended before the body")
                body += message["body"]
                if not message.get("more_body") or len(body) > size:
                    break
    except TimeoutError:
        raise _RefusedError(408, f"the body took longer than {timeout_s:g} s") from None
    if len(body) != size:
        raise _RefusedError(400, "the body is not as long as Content-Length says")
    return bytes(body)


async def _drained(receive: Any, size: int) -> bool:
    """Throw a body away; return whether the connection can be kept."""
    if not 0 <= size <= _MAX_DISCARDED:
        return False
    try:
        async with asyncio.timeout(_DISCARD_S):
            while (message := await receive()).get("more_body"):
                pass
    except TimeoutError:
        return False
    return bool(message["type"] == "http.request")


async def _reply(send: Any, answer: _Answer, content_type: bytes = b"application/json") -> None:
    headers = [(b"content-length", b"%d" % len(answer.body)), (b"content-type", content_type)]
    start = {"type": "http.response.start", "status": answer.status, "headers": [*headers, *answer.headers]}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})
