"""What the door needs before it listens; the door itself: test_gateway_door.py."""

import sys

import pytest

from capture import ConfigError
from capture.gateway.serve import serve


def test_a_missing_server_names_the_extra_of_the_gateway(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(ConfigError, match=r"pip install 'touchcapture\[gateway\]'"):
        serve(None)
