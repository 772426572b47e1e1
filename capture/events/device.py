"""Facts about the device for header and common section: detected where Python can know them.

Every fact can be given in ``[device]``; what cannot be known is left out where it is optional and has a
plain default elsewhere. Nothing here imports a toolkit, starts a process or sends a packet.
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.config.sections import DeviceConfig

__all__ = ["Device", "connectivity", "detect", "language", "timezone"]

PHONE, TABLET = 4, 5
OFFLINE, UNKNOWN, WIFI_OR_WIRED, MOBILE_2G = -1, 0, 1, 2

_LOCALE = re.compile(r"^([a-z]{2,3})(?:[_-]([A-Z][a-z]{3}))?(?:[_-]([A-Z]{2}|[0-9]{3}))?(?=$|[.@])")
_ZONE = re.compile(r"^[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*$")
#: What firmware says where nobody filled it in.
_BLANKS = frozenset(
    {"", "none", "default string", "not specified", "system manufacturer", "system product name", "unknown"}
)
_MOBILE = ("wwan", "rmnet", "ccmni", "ppp", "pdp")


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the device; the defaults are those of a replay, which asks no machine.

    Attributes
    ----------
    device_type : int
        4 phone, 5 tablet.
    device_manufacturer, device_model, carrier_id : str or None
        None when unknown.
    width, height : int
        Screen in px; 0 when unknown.
    density : float
        px per dp.
    connectivity : int
        -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer.
    orientation : int
        0 portrait, 1 landscape.
    """

    device_type: int = TABLET
    device_manufacturer: str | None = None
    device_model: str | None = None
    os_version: str = ""
    language: str = "en_US"
    timezone: str = "UTC"
    width: int = 0
    height: int = 0
    density: float = 1.0
    connectivity: int = UNKNOWN
    carrier_id: str | None = None
    orientation: int = 0

    @property
    def carrier(self) -> str | None:
        """The carrier as events tell it: on a mobile network only."""
        return self.carrier_id if self.connectivity >= MOBILE_2G else None

    def overridden(self, config: DeviceConfig) -> Device:
        """Return these facts with what ``[device]`` gives in their place."""
        given = {key: value for key, value in msgspec.structs.asdict(config).items() if value is not None}
        return msgspec.structs.replace(self, **given)


def detect(
    config: DeviceConfig, *, environ: Mapping[str, str] | None = None, root: Path = Path("/")
) -> Device:
    """Return the facts of this machine, with the overrides of ``[device]``.

    Parameters
    ----------
    config : DeviceConfig
    environ : mapping, optional
        Where language and time zone may be set; default ``os.environ``.
    root : path
        Where ``/etc``, ``/proc`` and ``/sys`` are; a test gives its own.
    """
    environ = os.environ if environ is None else environ
    mobile = _is_mobile(environ)
    version, manufacturer, model = _mobile_facts() if mobile else _machine_facts(root)
    width, height = _screen(root)
    found = Device(
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
    if config.orientation is None and found.width > found.height:
        return msgspec.structs.replace(found, orientation=1)
    return found


def _is_mobile(environ: Mapping[str, str]) -> bool:
    """Tell whether this is Android (also under python-for-android) or iOS."""
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
    """Return the user's language as ``en_US``; never ``C`` or ``POSIX``, which nobody speaks."""
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
    """Return the IANA name of the local time zone; a fixed offset (``Etc/GMT-2``) where it has none."""
    zones = root / "usr/share/zoneinfo"
    linked = ""
    # Where there is no such link, it is a copy of the zone, or no Unix.
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
    # The Etc zones count westwards: an hour east of Greenwich is Etc/GMT-1. None has half hours.
    return "UTC" if rest or not hours else f"Etc/GMT{-hours:+d}"


def _screen(root: Path) -> tuple[int, int]:
    """Return the px of a Linux screen without a toolkit: the mode of the connected output."""
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
    """Return -1 without a route to anywhere, 1 over wifi or wire, 0 where that cannot be told.

    A mobile network is 0 too: its generation is the host's to say (`Capture.set_connectivity`).
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
