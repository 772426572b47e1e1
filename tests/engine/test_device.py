"""Detection of the device, on file trees and environments made for the purpose."""

import subprocess
import sys
import types

import pytest

from capture.config import DeviceConfig
from capture.engine import device
from capture.events.device import Device


def tree(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"LANG": "de_DE.UTF-8"}, "de_DE", id="lang"),
        pytest.param({"LANG": "de_DE.UTF-8", "LC_ALL": "fr_CA@euro"}, "fr_CA", id="lc-all-wins"),
        pytest.param({"LANG": "de_DE", "LC_MESSAGES": "it_IT"}, "it_IT", id="messages-before-lang"),
        pytest.param({"LANG": "C"}, "en_US", id="c"),
        pytest.param({"LANG": "C.UTF-8"}, "en_US", id="c-utf8"),
        pytest.param({"LC_ALL": "POSIX", "LANG": "de_DE"}, "en_US", id="posix"),
        pytest.param({}, "en_US", id="nothing"),
        pytest.param({"LANG": "de_DE.UTF-8", "LANGUAGE": "pt_BR:de"}, "pt_BR", id="preference-list"),
        pytest.param({"LANG": "C", "LANGUAGE": "pt_BR"}, "en_US", id="list-without-a-locale"),
        pytest.param({"LANG": "zh_Hant_TW.UTF-8"}, "zh_Hant_TW", id="script"),
        pytest.param({"LANG": "eo"}, "eo", id="no-country"),
        pytest.param({"LANG": "nonsense"}, "en_US", id="nonsense"),
    ],
)
def test_language(environ, expected):
    assert device.language(environ) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"TZ": "Asia/Kolkata"}, "Asia/Kolkata", id="variable"),
        pytest.param(
            {"TZ": ":/usr/share/zoneinfo/America/Argentina/Salta"}, "America/Argentina/Salta", id="path"
        ),
        pytest.param({"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}, "Europe/Paris", id="rule-is-no-name"),
        pytest.param({}, "Europe/Paris", id="link"),
    ],
)
def test_timezone(tmp_path, environ, expected):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to("../usr/share/zoneinfo/Europe/Paris")

    assert device.timezone(environ, tmp_path) == expected


def test_timezone_from_a_file_beside_a_copied_zone(tmp_path):
    tree(tmp_path, etc__timezone="Europe/Lisbon\n", etc__localtime="TZif2")

    assert device.timezone({}, tmp_path) == "Europe/Lisbon"


def test_a_zone_that_does_not_exist_is_not_believed(tmp_path):
    tree(tmp_path, usr__share__zoneinfo__Europe__Paris="", etc__timezone="Europe/Paris")

    assert device.timezone({"TZ": "Mars/Olympus"}, tmp_path) == "Europe/Paris"


@pytest.mark.parametrize(
    ("offset_s", "expected"),
    [
        pytest.param(7200, "Etc/GMT-2", id="east"),
        pytest.param(-18000, "Etc/GMT+5", id="west"),
        pytest.param(0, "UTC", id="none"),
        pytest.param(19800, "UTC", id="half-hours-have-no-name"),
    ],
)
def test_a_fixed_offset_has_a_name(tmp_path, monkeypatch, offset_s, expected):
    monkeypatch.setattr(device.time, "timezone", -offset_s)
    monkeypatch.setitem(sys.modules, "tzlocal", None)

    assert device.timezone({}, tmp_path) == expected


ROUTES = "Iface\tDestination\tGateway\tFlags\n"
IPV6_LO = "0" * 32 + " 00 " + "0" * 32 + " 00 " + "0" * 32 + " ffffffff 00000001 00000000 00200200 lo\n"


@pytest.mark.parametrize(
    ("routes", "ipv6", "expected"),
    [
        pytest.param(ROUTES, "", -1, id="no-route"),
        pytest.param(ROUTES, IPV6_LO, -1, id="only-to-itself"),
        pytest.param(ROUTES + "wlan0\t00000000\t0102A8C0\t0003\n", "", 1, id="wifi"),
        pytest.param(ROUTES + "eth0\t0002A8C0\t00000000\t0001\n", "", -1, id="only-the-local-net"),
        pytest.param(ROUTES + "rmnet0\t00000000\t01\t0003\n", "", 0, id="mobile-of-unknown-generation"),
        pytest.param(ROUTES + "wwan0\t00000000\t1\t3\neth0\t00000000\t1\t3\n", "", 1, id="both"),
        pytest.param(ROUTES, IPV6_LO.replace(" lo", " eth0"), 1, id="ipv6-only"),
    ],
)
def test_connectivity(tmp_path, routes, ipv6, expected):
    tree(tmp_path, proc__net__route=routes, proc__net__ipv6_route=ipv6)

    assert device.connectivity(tmp_path) == expected


def test_connectivity_is_unknown_where_nothing_tells(tmp_path):
    assert device.connectivity(tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
def test_a_linux_machine(tmp_path):
    tree(
        tmp_path,
        etc__os_release='NAME="Debian"\nVERSION_ID="12"\n',
        sys__class__dmi__id__sys_vendor="LENOVO\n",
        sys__class__dmi__id__product_name="20XW\n",
        sys__class__drm__card0__status="disconnected\n",
        sys__class__drm__card1__status="connected\n",
        sys__class__drm__card1__modes="1920x1080\n1280x720\n",
    )
    (tmp_path / "etc/os_release").rename(tmp_path / "etc/os-release")
    found = device.detect(DeviceConfig(), environ={"LANG": "de_AT.UTF-8", "TZ": "UTC"}, root=tmp_path)

    assert found == Device(
        device_type=5,
        device_manufacturer="LENOVO",
        device_model="20XW",
        os_version="12",
        language="de_AT",
        timezone="UTC",
        width=1920,
        height=1080,
        density=1.0,
        connectivity=0,
        carrier_id=None,
        orientation=1,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
def test_a_board_computer_with_a_frame_buffer(tmp_path):
    tree(
        tmp_path,
        proc__device_tree__model="Raspberry Pi 4 Model B\0",
        sys__class__graphics__fb0__virtual_size="480,800\n",
    )
    (tmp_path / "proc/device_tree").rename(tmp_path / "proc/device-tree")
    found = device.detect(DeviceConfig(), environ={}, root=tmp_path)

    assert (found.device_manufacturer, found.device_model) == (None, "Raspberry Pi 4 Model B")
    assert (found.width, found.height, found.orientation) == (480, 800, 0)


@pytest.mark.parametrize(
    "blank", ["To Be Filled By O.E.M.", "Default string", "System manufacturer", "", "None"]
)
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
def test_what_firmware_says_for_nothing_is_unknown(tmp_path, blank):
    tree(tmp_path, sys__class__dmi__id__sys_vendor=blank)

    assert device.detect(DeviceConfig(), environ={}, root=tmp_path).device_manufacturer is None


def test_android_is_a_phone_and_tells_its_facts(tmp_path, monkeypatch):
    facts = {
        "android.os.Build": types.SimpleNamespace(MANUFACTURER="Fairphone", MODEL="FP5"),
        "android.os.Build$VERSION": types.SimpleNamespace(RELEASE="14"),
    }
    monkeypatch.setitem(sys.modules, "jnius", types.SimpleNamespace(autoclass=facts.get))
    monkeypatch.delattr("platform.android_ver", raising=False)
    found = device.detect(DeviceConfig(), environ={"ANDROID_ARGUMENT": "/data"}, root=tmp_path)

    assert (found.device_type, found.os_version) == (4, "14")
    assert (found.device_manufacturer, found.device_model) == ("Fairphone", "FP5")


def test_every_fact_can_be_overridden(tmp_path):
    given = {
        "device_type": 7,
        "device_manufacturer": "M",
        "device_model": "N",
        "os_version": "9",
        "language": "ja_JP",
        "timezone": "Asia/Tokyo",
        "width": 2400,
        "height": 1080,
        "density": 2.5,
        "connectivity": 4,
        "carrier_id": "docomo",
        "orientation": 0,
    }

    assert device.detect(DeviceConfig(**given), environ={}, root=tmp_path) == Device(**given)


def test_a_replay_asks_no_machine():
    facts = Device().overridden(DeviceConfig(language="fr_FR"))

    assert facts == Device(
        device_type=5, os_version="", language="fr_FR", timezone="UTC", connectivity=0, orientation=0
    )


@pytest.mark.parametrize(("generation", "expected"), [(-1, None), (0, None), (1, None), (2, "o2"), (4, "o2")])
def test_the_carrier_is_told_on_a_mobile_network_only(generation, expected):
    assert Device(connectivity=generation, carrier_id="o2").carrier == expected


def test_detection_loads_nothing_heavy():
    code = (
        "import sys; from capture.config import DeviceConfig; from capture.engine import device; "
        "device.detect(DeviceConfig()); "
        "print({'numpy', 'urllib3', 'pyarrow', 'kivy', 'subprocess'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
