"""``capture gateway serve``: the process of the door: sockets, health, the writer beside it, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError, cannot_listen
from capture.gateway.app import Door, open_outlet
from capture.gateway.journal import recover, segments
from capture.gateway.metrics import Metrics
from capture.gateway.workers import BACKOFF_S, MAX_BACKOFF_S, end_all, fork, keep_running
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.gateway.config import GatewayConfig

__all__ = ["listen", "serve"]

_log = logging.getLogger("capture.gateway")
#: Time (s) that requests under way, and then the writer, have for their end.
_DRAIN_S = 10
_KEEP_ALIVE_S = 75
#: Most bytes of a header, or of requests that are answered at once, before the next complete one.
_MAX_HEAD_BYTES = 256 * 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    ConfigError
        When the address cannot be used.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        raise cannot_listen(host, port, OSError(*error.args)) from error
    return listening


def serve(
    config: GatewayConfig, write: Sequence[str] = (), *, on_ready: Callable[[str], object] = str
) -> None:
    """Accept batches until SIGTERM or Ctrl-C.

    Parameters
    ----------
    config : GatewayConfig
    write : sequence of str
        Command of the writer to run beside the door; none: no writer.
    on_ready : callable
        Called with the address once batches can be sent.

    Raises
    ------
    ConfigError
        When an address cannot be used, or a package is missing.
    """
    uvicorn = require("uvicorn", "capture gateway serve", extra="gateway")
    scheme = "https" if config.listen.tls_cert else "http"
    address, _, metrics_port = (config.metrics.listen or "").rpartition(":")
    with contextlib.ExitStack() as opened:
        listening = opened.enter_context(listen(config.listen.host, config.listen.port))
        host, port = listening.getsockname()[:2]
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/batches"
        metrics_listening = opened.enter_context(listen(address, int(metrics_port))) if address else None
        counts = Metrics.of_processes(config.listen.workers)
        workers: list[int] = []
        opened.callback(end_all, workers)

        def work(metrics: Metrics, parent: int) -> None:
            metrics.resume()
            _Service(config, uvicorn, metrics, parent=parent).run(listening)

        if config.listen.workers > 1:
            tasks = [partial(work, metrics) for metrics in counts[1:]]
            workers.append(fork(partial(keep_running, tasks), os.getpid()))
        first = _Service(config, uvicorn, counts[0], write, lambda: on_ready(url), workers=workers)
        first.run(listening, metrics_listening)


class _Service:
    """The door, and the tasks beside it on its event loop; it ends with the process `parent`, if any."""

    def __init__(
        self,
        config: GatewayConfig,
        uvicorn: Any,
        metrics: Metrics,
        write: Sequence[str] = (),
        on_ready: Callable[[], object] = bool,
        *,
        workers: list[int] | None = None,
        parent: int | None = None,
    ) -> None:
        self._config = config
        self._uvicorn = uvicorn
        self._metrics = metrics
        self._on_ready = on_ready
        self._workers = workers or []
        self._parent = parent
        self._writer = _Writer(write) if write else None
        self._outlet = open_outlet(config, self._metrics.synced)
        self._door = Door(config, self._outlet, self._metrics)
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, listening: socket.socket, metrics_listening: socket.socket | None = None) -> None:
        """Serve until the end."""
        config = self._config.listen
        settings = self._uvicorn.Config(
            self._app,
            http=_guarded(self._config, Counter()),
            ws="none",
            log_level="warning",
            access_log=False,
            interface="asgi3",
            lifespan="on",
            server_header=False,
            ssl_certfile=config.tls_cert and str(self._config.base / config.tls_cert),
            ssl_keyfile=config.tls_key and str(self._config.base / config.tls_key),
            proxy_headers=config.behind_proxy,
            forwarded_allow_ips=list(config.trusted_proxies) or "127.0.0.1",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
        try:
            settings.load()
        except OSError as error:
            raise ConfigError(f"listen.tls_cert and listen.tls_key cannot be used: {error}") from None
        if metrics_listening is not None:
            self._serve_metrics(metrics_listening)
        server = self._uvicorn.Server(settings)
        end = server.handle_exit

        def end_once(*signal_and_frame: Any) -> None:
            # A second Ctrl-C would break off the orderly end, which has a time limit.
            if not server.should_exit:
                end(*signal_and_frame)

        server.handle_exit = end_once
        # The server raises the signal again when all is done; the default would hide the orderly end.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, end_once)
        server.run([listening])

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._door(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            self._start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._stop()
            await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        config = self._config
        with contextlib.suppress(OSError):  # the writer tries it as well
            recover(config.journal_folder)
        self._look()
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._watch()))
        if self._writer is not None:
            self._tasks.append(loop.create_task(self._writer.run()))
        self._on_ready()

    def _serve_metrics(self, listening: socket.socket) -> None:
        settings = self._uvicorn.Config(
            self._door.metrics, interface="asgi3", lifespan="off", log_level="warning", access_log=False
        )
        run = self._uvicorn.Server(settings).run
        threading.Thread(target=run, args=([listening],), name="touchcapture-metrics", daemon=True).start()

    async def _stop(self) -> None:
        self._door.problem = "draining"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._outlet.close()
        if self._writer is not None:
            await asyncio.to_thread(end_all, self._workers)  # they close their last segments
            await self._writer.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._outlet.tick()
            self._look()
            self._metrics.share()
            if self._parent not in {None, os.getppid()}:
                signal.raise_signal(signal.SIGTERM)

    def _look(self) -> None:
        """Check disk, journal, quarantine and writer."""
        problem, values, limits = str(self._outlet.problem), {}, self._config.limits
        try:
            values = _measure(self._config)
        except OSError as error:
            problem = f"the journal cannot be read: {error.strerror or error}"
        for name, value in values.items():
            self._metrics.set(name, value)
        if values.get("free_bytes", limits.min_free_bytes) < limits.min_free_bytes:
            problem = "the journal's disk is full"
        elif values.get("oldest_unwritten_seconds", 0) > limits.max_lag_s:
            problem = "the writer is too far behind"
        elif values.get("quarantine_bytes", 0) > limits.quarantine_max_bytes:
            problem = "the quarantine is full"
        if problem and problem != self._door.problem:
            _log.warning("no batch is accepted: %s", problem)
        self._door.problem = problem
        self._door.is_writer_down = self._writer is not None and self._writer.is_down


def _measure(config: GatewayConfig) -> dict[str, float]:
    """Return gauges of the journal's and the writer's folders."""
    values: dict[str, float] = {"quarantine_bytes": 0}
    with contextlib.suppress(OSError):
        values["quarantine_bytes"] = sum(
            path.stat().st_size for path in (config.output_folder / "quarantine").rglob("*.gz")
        )
    if config.kafka.brokers:
        return values  # there is no journal
    folder = config.journal_folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        values["free_bytes"] = shutil.disk_usage(folder).free
        closed = segments(folder)
        values["journal_bytes"] = sum(path.stat().st_size for path in closed)
        age_s = time.time() - closed[0].stat().st_mtime if closed else 0.0
        values["oldest_unwritten_seconds"] = max(0.0, age_s)  # the clock may have been set back
    except FileNotFoundError:
        pass  # the writer took a segment meanwhile
    return values


class _Writer:
    """Runs the writer as a child; one that dies is started again, later each time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = [*command, "--beside", str(os.getpid())]
        self._process: asyncio.subprocess.Process | None = None
        self.is_down = True

    async def run(self) -> None:
        """Keep the writer running."""
        backoff_s = BACKOFF_S
        while True:
            started = time.monotonic()
            status: object
            try:
                self._process = await asyncio.create_subprocess_exec(*self._command)
            except OSError as error:
                status = error
            else:
                self.is_down = False
                status = await self._process.wait()
            self.is_down = True
            if time.monotonic() - started > MAX_BACKOFF_S:
                backoff_s = BACKOFF_S
            _log.warning("the writer ended with %s; next start in %g s", status, backoff_s)
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def stop(self) -> None:
        """Let the writer finish its unit, or end it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _DRAIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _guarded(config: GatewayConfig, by_address: Counter[str]) -> type:
    """Return uvicorn's protocol with bounds: connections, by address, and the time of a header."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    limits = config.listen

    class Guarded(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        """A connection."""

        _address = ""
        _waiting_since: float | None = None
        _head_bytes = 0

        def connection_made(self, transport: Any) -> None:
            """Count the connection, or close it."""
            super().connection_made(transport)
            self._address = (self.client or ("",))[0]
            by_address[self._address] += 1
            most = limits.connections_per_address or limits.max_connections
            if len(self.connections) > limits.max_connections or by_address[self._address] > most:
                transport.abort()
                return
            self._waiting_since = self.loop.time()
            self._timer = self.loop.call_later(limits.request_timeout_s, self._check)

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget the connection."""
            by_address[self._address] -= 1
            if by_address[self._address] <= 0:
                del by_address[self._address]
            with contextlib.suppress(AttributeError):
                self._timer.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            """Note when a header began, and that it is complete; one without end is cut off."""
            if self._waiting_since is None:
                self._waiting_since, self._head_bytes = self.loop.time(), 0
            self._head_bytes += len(data)
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._waiting_since = None
            elif self._head_bytes > _MAX_HEAD_BYTES:
                self.transport.abort()

        def _check(self) -> None:
            since = self._waiting_since
            if since is not None and self.loop.time() - since >= limits.request_timeout_s:
                self.transport.abort()
                return
            self._timer = self.loop.call_later(limits.request_timeout_s / 2, self._check)

    return Guarded
