"""What Android says, by a stand-in for pyjnius."""

import sys
from types import ModuleType, SimpleNamespace as Java

import pytest

from capture.integrations.kivy import android

pytest.importorskip("kivy", reason="kivy is not installed")


class DeniedError(Exception):
    """Stands in for jnius.JavaException."""


def phone(network=None, *, carrier="Example Mobile", dp=411):
    def ask_network():
        if isinstance(network, Exception):
            raise network
        return network

    services = {
        "connectivity": Java(getActiveNetworkInfo=ask_network),
        "phone": Java(getNetworkOperatorName=lambda: carrier),
    }
    resources = Java(getConfiguration=lambda: Java(smallestScreenWidthDp=dp))
    activity = Java(getSystemService=services.__getitem__, getResources=lambda: resources)
    return {
        "android.os.Build": Java(MANUFACTURER="Example", MODEL="Phone 1"),
        "android.os.Build$VERSION": Java(RELEASE="15"),
        "java.util.Locale": Java(getDefault=lambda: Java(toString=lambda: "sr_RS_#Latn")),
        "java.util.TimeZone": Java(getDefault=lambda: Java(getID=lambda: "Europe/Belgrade")),
        "android.content.Context": Java(CONNECTIVITY_SERVICE="connectivity", TELEPHONY_SERVICE="phone"),
        "org.kivy.android.PythonActivity": Java(mActivity=activity),
    }


@pytest.fixture
def speak(monkeypatch):
    def speak(classes):
        jnius = ModuleType("jnius")
        jnius.autoclass = classes.__getitem__
        monkeypatch.setitem(sys.modules, "jnius", jnius)

    return speak


def test_facts(speak):
    speak(phone())

    assert android.facts() == {
        "device_manufacturer": "Example",
        "device_model": "Phone 1",
        "os_version": "15",
        "language": "sr_RS",
        "timezone": "Europe/Belgrade",
        "device_type": 4,
    }


def test_a_tablet(speak):
    speak(phone(dp=600))

    assert android.facts()["device_type"] == 5


def test_what_is_not_said_is_left_out(speak):
    classes = phone()
    del classes["android.os.Build"]
    speak(classes)

    assert "device_model" not in android.facts()
    assert android.facts()["os_version"] == "15"


def info(kind, subtype=0, *, connected=True):
    return Java(isConnected=lambda: connected, getType=lambda: kind, getSubtype=lambda: subtype)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        pytest.param(None, (-1, None), id="none"),
        pytest.param(info(1, connected=False), (-1, None), id="not-connected"),
        pytest.param(info(1), (1, None), id="wifi"),
        pytest.param(info(0, 2), (2, "Example Mobile"), id="edge"),
        pytest.param(info(0, 15), (3, "Example Mobile"), id="hspa+"),
        pytest.param(info(0, 13), (4, "Example Mobile"), id="lte"),
        pytest.param(info(0, 20), (4, "Example Mobile"), id="5g"),
        pytest.param(DeniedError("ACCESS_NETWORK_STATE"), (0, None), id="no-permission"),
    ],
)
def test_connectivity(speak, network, expected):
    speak(phone(network))

    assert android.connectivity() == expected
