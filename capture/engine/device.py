"""Detection of the device facts that Python can know: OS, model, language, time zone, screen, connectivity.

``[device]`` overrides each of them. Nothing here imports a toolkit, starts a process or sends a packet.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.events.device import OFFLINE, PHONE, TABLET, UNKNOWN, WIFI_OR_WIRED, Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.events.config import DeviceConfig

__all__ = ["connectivity", "detect", "language", "timezone"]

_LOCALE = re.compile(r"^([a-z]{2,3})(?:[_-]([A-Z][a-z]{3}))?(?:[_-]([A-Z]{2}|[0-9]{3}))?(?=$|[.@])")
_ZONE = re.compile(r"^[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*$")
#: Placeholders of firmware without a value.
_BLANKS = frozenset(
    {"", "none", "default string", "not specified", "system manufacturer", "system product name", "unknown"}
)
_MOBILE = ("wwan", "rmnet", "ccmni", "ppp", "pdp")


def detect(
    config: DeviceConfig, *, environ: Mapping[str, str] | None = None, root: Path = Path("/")
) -> Device:
    """Return the facts of this machine, overridden by ``[device]``.

    Parameters
    ----------
    config : DeviceConfig
        The section ``[device]``.
    environ : mapping, optional
        Environment variables for language and time zone; default ``os.environ``.
    root : path
        Folder with ``/etc``, ``/proc`` and ``/sys``; tests pass their own.
    """
    environ = os.environ if environ is None else environ
    mobile = _is_mobile(environ)
    version, manufacturer, model = _mobile_facts() if mobile else _machine_facts(root)
    width, height = _screen(root)
    facts = Device(
        device_type=PHONE if mobile else TABLET,
        device_manufacturer=manufacturer,
        device_model=model,
        os_version=version,
        language=language(environ),
        timezone=timezone(environ, root),
        width=width,
        height=height,
        connectivity=connectivity(root),
    ).overridden(config)
    if config.orientation is None and facts.width > facts.height:
        return msgspec.structs.replace(facts, orientation=1)
    return facts


def _is_mobile(environ: Mapping[str, str]) -> bool:
    """Return whether this is Android (also under python-for-android) or iOS."""
    return sys.platform in {"android", "ios"} or "ANDROID_ARGUMENT" in environ


def _mobile_facts() -> tuple[str, str | None, str | None]:
    import platform

    if sys.platform == "ios" and hasattr(platform, "ios_ver"):
        release = platform.ios_ver()
        return release.release, "Apple", release.model or None
    if hasattr(platform, "android_ver"):
        android = platform.android_ver()
        return android.release, android.manufacturer or None, android.model or None
    try:
        jnius = import_module("jnius")  # python-for-android's way to Java
    except ImportError:
        return "", None, None
    build = jnius.autoclass("android.os.Build")
    return jnius.autoclass("android.os.Build$VERSION").RELEASE, build.MANUFACTURER, build.MODEL


def _machine_facts(root: Path) -> tuple[str, str | None, str | None]:
    import platform

    if sys.platform == "darwin":
        return platform.mac_ver()[0], "Apple", None
    if sys.platform == "win32":
        return platform.version(), None, None
    dmi = root / "sys/class/dmi/id"
    manufacturer = _named(dmi / "sys_vendor")
    model = _named(dmi / "product_name") or _named(root / "proc/device-tree/model")
    return _linux_version(root) or platform.release(), manufacturer, model


def _linux_version(root: Path) -> str:
    for line in _text(root / "etc/os-release").splitlines():
        if line.startswith("VERSION_ID="):
            return line.partition("=")[2].strip("\"' ")
    return ""


def _named(path: Path) -> str | None:
    text = _text(path).strip("\0\n ")
    return None if text.lower() in _BLANKS or "o.e.m" in text.lower() else text[:255]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def language(environ: Mapping[str, str]) -> str:
    """Return the user's language as ``en_US``; never ``C`` or ``POSIX``."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(variable):
            candidates = [environ[variable]]
            if _LOCALE.match(environ[variable]):
                # The preference list of gettext counts only where a real locale is set.
                candidates = [*environ.get("LANGUAGE", "").split(":"), environ[variable]]
            break
    else:
        candidates = [_platform_language()]
    for candidate in candidates:
        if found := _LOCALE.match(candidate):
            return "_".join(part for part in found.groups() if part)
    return "en_US"


def _platform_language() -> str:
    if sys.platform != "win32":
        return ""
    import ctypes
    import locale

    return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")


def timezone(environ: Mapping[str, str], root: Path = Path("/")) -> str:
    """Return the IANA name of the local time zone; a fixed offset (``Etc/GMT-2``) if it has none."""
    zones = root / "usr/share/zoneinfo"
    linked = ""
    # On some systems it is a copy of the zone file, or missing.
    with contextlib.suppress(OSError):
        linked = str((root / "etc/localtime").readlink())
    candidates = [
        environ.get("TZ", "").removeprefix(":").rpartition("zoneinfo/")[2],
        linked.rpartition("zoneinfo/")[2],
        _text(root / "etc/timezone").strip(),
    ]
    for name in candidates:
        if _ZONE.match(name) and (not zones.is_dir() or (zones / name).is_file()):
            return "UTC" if name in {"Etc/UTC", "UCT", "Zulu"} else name
    try:
        named: str | None = import_module("tzlocal").get_localzone_name()
    except ImportError:
        named = None
    return named or _offset_zone(-time.timezone)


def _offset_zone(offset_s: int) -> str:
    hours, rest = divmod(offset_s, 3600)
    # Etc zones count westwards: an hour east of Greenwich is Etc/GMT-1. None has half hours.
    return "UTC" if rest or not hours else f"Etc/GMT{-hours:+d}"


def _screen(root: Path) -> tuple[int, int]:
    """Return width and height (px) of the connected output of a Linux machine; 0, 0 if unknown."""
    for status in sorted(root.glob("sys/class/drm/*/status")):
        if _text(status).strip() == "connected":
            width, cross, height = _text(status.with_name("modes")).partition("\n")[0].partition("x")
            if cross and width.isdecimal() and height.isdecimal():
                return int(width), int(height)
    width, comma, height = _text(root / "sys/class/graphics/fb0/virtual_size").strip().partition(",")
    if comma and width.isdecimal() and height.isdecimal():
        return int(width), int(height)
    return 0, 0


def connectivity(root: Path = Path("/")) -> int:
    """Return -1 if there is no default route, 1 over wifi or wire, 0 if unknown.

    A mobile network is 0 too: only the host knows its generation (`Capture.set_connectivity`).
    """
    routes = root / "proc/net/route"
    if not routes.exists():
        return UNKNOWN
    names = [line.split()[0] for line in _text(routes).splitlines()[1:] if line.split()[1:2] == ["00000000"]]
    names += [
        fields[-1]
        for line in _text(root / "proc/net/ipv6_route").splitlines()
        if (fields := line.split())[:2] == ["0" * 32, "00"] and fields[-1] != "lo"
    ]
    if not names:
        return OFFLINE
    return UNKNOWN if all(name.startswith(_MOBILE) for name in names) else WIFI_OR_WIRED
