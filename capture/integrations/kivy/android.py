"""Android's facts of the device: asked through pyjnius, which is imported here and nowhere else.

None of this could be run where it was written: the tests speak to a stand-in for pyjnius.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

__all__ = ["connectivity", "facts"]

_log = logging.getLogger("capture.kivy")

_ANDROID = "org.kivy.android.PythonActivity"
#: ConnectivityManager.TYPE_*: 0 is a mobile network; the others that lead anywhere are wifi or wire.
_MOBILE = 0
#: TelephonyManager.NETWORK_TYPE_* -> 2 (2g) or 3 (3g); newer ones are 4.
_GENERATION = {
    **dict.fromkeys((1, 2, 4, 7, 11, 16), 2),
    **dict.fromkeys((3, 5, 6, 8, 9, 10, 12, 14, 15, 17), 3),
}
#: Screens whose short side has as many dp are tablets.
_TABLET_DP = 600
_PHONE, _TABLET = 4, 5


def facts() -> dict[str, Any]:
    """Return the device facts that Android knows, by the keys of ``[device]``."""
    java = import_module("jnius").autoclass
    asked = {
        "device_manufacturer": lambda: java("android.os.Build").MANUFACTURER,
        "device_model": lambda: java("android.os.Build").MODEL,
        "os_version": lambda: java("android.os.Build$VERSION").RELEASE,
        "language": lambda: java("java.util.Locale").getDefault().toString().partition("_#")[0],
        "timezone": lambda: java("java.util.TimeZone").getDefault().getID(),
        "device_type": lambda: _device_type(java),
    }
    return {key: value for key, ask in asked.items() if (value := _answer(key, ask))}


def connectivity() -> tuple[int, str | None]:
    """Return (connectivity, carrier): -1 offline, 0 unknown, 1 wifi or wired, 2 to 4 the mobile generation.

    Needs the permission ACCESS_NETWORK_STATE; without it the answer is 0.
    """
    return _answer("connectivity", _ask_network) or (0, None)


def _ask_network() -> tuple[int, str | None]:
    java = import_module("jnius").autoclass
    context = java("android.content.Context")
    activity = java(_ANDROID).mActivity
    network = activity.getSystemService(context.CONNECTIVITY_SERVICE).getActiveNetworkInfo()
    if network is None or not network.isConnected():
        return -1, None
    if network.getType() != _MOBILE:
        return 1, None
    carrier = activity.getSystemService(context.TELEPHONY_SERVICE).getNetworkOperatorName()
    return _GENERATION.get(network.getSubtype(), 4), carrier or None


def _device_type(java: Any) -> int:
    configuration = java(_ANDROID).mActivity.getResources().getConfiguration()
    return _TABLET if configuration.smallestScreenWidthDp >= _TABLET_DP else _PHONE


def _answer(what: str, ask: Any) -> Any:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - a JavaException, a missing class or permission: the rest is still true
        _log.debug("Android does not report the %s: %s", what, error)
        return None
