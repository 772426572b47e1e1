"""``capture gateway demo``: a gateway, simulated devices that send to it, and the page of their events."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from capture.errors import CaptureError
from capture.gateway.config import GatewayConfig
from capture.gateway.state import totals
from capture.gateway.writer import Writer
from capture.report.fleet import fleet_page

_CONFIG = """[[projects]]
id = 8
token_env = ["CAPTURE_DEMO_TOKEN"]

[listen]
port = {port}

[limits]
min_free_bytes = 0

[journal]
segment_age_s = 2
"""
_DEVICE = """[project]
id = 8
app_name = "Demo"
app_version = "{version}"
[device]
device_model = "{model}"
width = 1080
height = 2400
density = 2.0
[buffer]
path = {path!r}
flush_interval_s = 0.5
[[sinks]]
type = "http"
url = "{url}"
token_env = "CAPTURE_DEMO_TOKEN"
"""
_MODELS = ("Kiosk 10", "Kiosk 12", "Tablet S", "Phone 7")
_SCREENS = ("Home", "Boats", "Boat", "Checkout")
_DEADLINE_S = 60.0
#: How much faster than its own pace a recording is played.
_SPEED = 20


def run_demo(folder: Path, log: Path | None, devices: int) -> Iterator[str]:
    """Run it; yield its progress, line by line.

    Raises
    ------
    CaptureError
        When the gateway does not start, or a device fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "gateway.toml"
    environ = {**os.environ, "CAPTURE_DEMO_TOKEN": secrets.token_urlsafe(24)}
    config.write_text(_CONFIG.format(port=_free_port()), encoding="utf-8")
    settings = GatewayConfig.load(config, environ=environ)
    earlier = _events_in_files(settings)
    gateway, url = _start(config, environ)
    yield f"a gateway listens at {url}"
    try:
        senders = [_device(folder, number, url, log, environ) for number in range(devices)]
        yield f"{devices} devices send to it"
        # Said first: the warnings of the devices come at once.
        yield "the gateway is killed: each device may warn once, keeps its events and sends them again"
        gateway.kill()
        gateway.wait()
        gateway, _ = _start(config, environ)
        yield "the gateway listens again"
        counts = [_finished(sender) for sender in senders]
        yield f"{sum(counts)} events were recorded and acknowledged"
    finally:
        gateway.terminate()
        gateway.wait()
        if gateway.stdout is not None:
            gateway.stdout.close()
    writer = Writer(settings)
    while writer.run_once() is not None:
        pass
    writer.close()
    written = _events_in_files(settings) - earlier
    beside = f", beside {earlier} of earlier runs" if earlier else ""
    yield f"{written} events are in {settings.output_folder / 'events'}, each once{beside}"
    page = folder / "fleet.html"
    page.write_text(fleet_page(settings.output_folder, title="The fleet of the demo"), encoding="utf-8")
    yield f"-> {page}"


def _events_in_files(settings: GatewayConfig) -> int:
    return int(totals(settings.state_folder).get(("rows_total", ""), 0))


def _free_port() -> int:
    """Return a port that no outgoing connection takes: who connects to a closed one may meet itself."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with contextlib.suppress(OSError), socket.socket() as made:
            made.bind(("127.0.0.1", port))
            return port
    return 0


def _start(config: Path, environ: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "capture", "gateway", "serve", "--with-writer", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)  # noqa: S603 - our own
    said = process.stdout.readline().split() if process.stdout is not None else []
    if len(said) < 4:
        process.kill()
        process.wait()
        raise CaptureError("the gateway did not start; see the lines above")
    return process, said[3]


def _device(folder: Path, number: int, url: str, log: Path | None, environ: dict[str, str]) -> Any:
    home = folder / f"device-{number}"
    home.mkdir(exist_ok=True)
    config = home / "capture.toml"
    model, version = _MODELS[number % len(_MODELS)], f"2.{number % 2}"
    text = _DEVICE.format(model=model, version=version, path=str(home.absolute() / "store"), url=url)
    config.write_text(text, encoding="utf-8")
    if log is None:
        code = "import sys; from capture.cli._gateway_demo import device; device(*sys.argv[1:])"
        command = [sys.executable, "-c", code, str(config), str(number)]
    else:
        replay = f"-m capture replay --speed {_SPEED} --json --config".split()
        command = [sys.executable, *replay, str(config), str(log)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)  # noqa: S603 - our own


def _finished(sender: Any) -> int:
    out, _ = sender.communicate(timeout=2 * _DEADLINE_S)
    if sender.returncode:
        raise CaptureError("a device failed; see the lines above")
    found = msgspec.json.decode(out)
    return found if isinstance(found, int) else int(found["events"])


def device(config: str, number: str) -> None:
    """Be a device: make strokes on a few screens, and print how many events were acknowledged."""
    from capture import Capture, RunConfig, Target

    with Capture(RunConfig.load(config)) as cap:
        cap.opt_in()
        for place in range(len(_SCREENS)):
            cap.screen_view(_SCREENS[(place + int(number)) % len(_SCREENS)])
            for step in range(12):
                x, y, length = 200.0, 100.0 + 60 * step + 7 * int(number), 300.0 * (step % 3 == 0)
                row = int(y) // 200
                target = Target(path=f"[root]>list>item#row{row}>", id=f"row{row}", responsive=row % 4 != 3)
                end = time.monotonic_ns()
                cap.touch_down(0, x, y, end - 80_000_000, target=target)
                for part in range(1, 9):
                    cap.touch_move(0, x, y + length * part / 8, end - 80_000_000 + part * 9_000_000)
                cap.touch_up(0, x, y + length, end)
            cap.flush(timeout=_DEADLINE_S)
        if not cap.flush(timeout=_DEADLINE_S):
            raise SystemExit(f"device {number}: not everything was acknowledged")
        sys.stdout.write(f"{cap.stats.delivered}\n")
