"""The demo's server: the page, its WebSocket, and who may open it.

It listens on 127.0.0.1 only. A WebSocket is accepted from its own page alone: any site may try to open
one to loopback, but the browser states the site (``Origin``). The ``Host`` is checked as well, since a
foreign name can resolve to loopback.
"""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from capture.demo.session import MAX_MESSAGE_BYTES, DemoSession
from capture.errors import ConfigError, cannot_listen
from capture.gestures.config import GestureConfig
from capture.gestures.dialects import names
from capture.gestures.kinds import kinds_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

__all__ = ["HOST", "DemoServer", "create_app", "serve"]

HOST = "127.0.0.1"
_NAMES = [HOST, "localhost"]
_PAGE = Path(__file__).parent / "page"
#: Path -> file and type.
_FILES = {
    "/": ("demo.htm", "text/html"),
    "/demo.js": ("demo.js", "text/javascript"),
    "/demo.css": ("demo.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_POLICY_VIOLATION = 1008
_UNSUPPORTED = 1003
_STOP_S = 10.0
_MAX_CONNECTIONS = 64


def create_app(gestures: GestureConfig) -> Starlette:
    """Return the application: the page and its WebSocket.

    Parameters
    ----------
    gestures : GestureConfig
        The thresholds to try.
    """

    async def touches(visitor: WebSocket) -> None:
        if not _is_own_page(visitor):
            await visitor.close(_POLICY_VIOLATION)  # before the accept: the handshake is answered with 403
            return
        try:
            chosen = gestures.changed(dialect=visitor.query_params.get("dialect", gestures.dialect))
        except ConfigError:
            await visitor.close(_POLICY_VIOLATION)
            return
        await visitor.accept()
        session = await run_in_threadpool(DemoSession, chosen)
        try:
            await _talk(visitor, session)
        finally:
            await run_in_threadpool(session.close)

    routes = [Route(path, _file(*file, gestures)) for path, file in _FILES.items()]
    return Starlette(
        routes=[*routes, WebSocketRoute("/touches", touches)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES)],
    )


async def _talk(visitor: WebSocket, session: DemoSession) -> None:
    await visitor.send_json(await run_in_threadpool(session.batch))
    while True:
        try:
            message = await visitor.receive_text()
            if len(message) > MAX_MESSAGE_BYTES * 16:
                await visitor.close(_UNSUPPORTED)
                return
            shown = session.handle(message)
            for answer in shown:
                await visitor.send_text(msgspec.json.encode(answer).decode())
            if shown:
                await visitor.send_json(await run_in_threadpool(session.batch))
        except (msgspec.DecodeError, RecursionError, KeyError):
            # Not from our page; KeyError: a binary message; RecursionError: nested too deeply.
            await visitor.close(_UNSUPPORTED)
            return
        except WebSocketDisconnect:
            return


def _is_own_page(visitor: WebSocket) -> bool:
    """Return whether a WebSocket was opened by the page that this server serves."""
    origin = visitor.headers.get("origin")
    server = visitor.scope.get("server") or (HOST, 0)
    return origin in {f"http://{name}:{server[1]}" for name in _NAMES}


def _file(name: str, kind: str, gestures: GestureConfig) -> Callable[[Request], Response]:
    table = msgspec.json.encode(kinds_data())
    dialects = {"names": names(gestures.dialects), "chosen": gestures.dialect}
    chooser = msgspec.json.encode(dialects).replace(b"<", b"\\u003c")

    def answer(request: Request) -> Response:
        del request
        content = (_PAGE / name).read_bytes().replace(b"@@kinds@@", table).replace(b"@@dialects@@", chooser)
        return Response(content, media_type=kind, headers=_HEADERS)

    return answer


class DemoServer:
    """The demo in a thread, for tests and notebooks; a context manager.

    Parameters
    ----------
    port : int, default 0
        Of 127.0.0.1; 0 takes a free one.
    gestures : GestureConfig, optional
        The thresholds to try.

    Attributes
    ----------
    url : str
        Where the page is, once it is started.
    """

    def __init__(self, port: int = 0, gestures: GestureConfig | None = None) -> None:
        self._port = port
        self._server = uvicorn.Server(_settings(gestures))
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        listening = _listen(self._port)
        self.url = f"http://{HOST}:{listening.getsockname()[1]}"
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="touchcapture-demo", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_S)


def _listen(port: int) -> socket.socket:
    """Return a listening socket on loopback: who connects before the server runs waits for it."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        # The text of this error repeats the address.
        raise cannot_listen(HOST, port, OSError(error.errno, os.strerror(error.errno or 0))) from error


def _settings(gestures: GestureConfig | None) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(gestures or GestureConfig()),
        ws="wsproto",
        ws_max_size=MAX_MESSAGE_BYTES * 16,
        log_level="warning",
        lifespan="off",
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=2,
    )


def serve(
    port: int = 8765,
    gestures: GestureConfig | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the demo on 127.0.0.1 until Ctrl-C.

    Parameters
    ----------
    port : int, default 8765
        0 takes a free one.
    gestures : GestureConfig, optional
        The thresholds to try.
    on_ready : callable, optional
        Called with the URL of the page once it can be opened.

    Raises
    ------
    ConfigError
        When the port is in use.
    """
    listening = _listen(port)
    if on_ready is not None:
        on_ready(f"http://{HOST}:{listening.getsockname()[1]}")
    uvicorn.Server(_settings(gestures)).run([listening])
