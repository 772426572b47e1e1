"""The public names: all there, none more, imported when first used. The messages: all in docs/errors.md."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import capture

DESIGNED = """
Action BufferConfig Capture CaptureError ConfigError CurrentsConfig DeliveryConfig DeviceConfig Direction
Gesture GestureConfig GestureKind GestureTable InvalidEventError PrivacyConfig ProjectConfig Reason Recognizer
RunConfig SessionConfig SinkConfig SinkError StoreError Target TouchLogError TouchSamples classify
"""


def test_the_public_names_are_those_of_the_design():
    assert capture.__all__ == DESIGNED.split()
    assert set(capture.__all__) <= set(dir(capture))


@pytest.mark.parametrize("name", capture.__all__)
def test_each_name_is_there_and_its_own(name):
    value = getattr(capture, name)

    assert value.__name__ == name
    assert getattr(capture, name) is value


def test_other_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'Captcha'"):
        _ = capture.Captcha


def test_importing_the_package_imports_none_of_its_parts():
    code = "import sys, capture; print([m for m in sys.modules if m.startswith(('capture.', 'msgspec'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_live_path_imports_no_heavy_module():
    code = (
        "import sys, capture; capture.Capture, capture.Recognizer, capture.RunConfig\n"
        "heavy = {'numpy', 'pyarrow', 'urllib3', 'typer', 'rich', 'kivy', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_every_message_is_in_the_index_of_errors():
    root = Path(__file__).parents[1]
    index = runpy.run_path(str(root / "scripts" / "error_index.py"))
    page = (root / "docs" / "errors.md").read_text(encoding="utf-8")

    assert page == index["error_page"](), "docs/errors.md is not up to date; run: make docs"
    assert all(each in page for each in ("needs the package", "no such key", "--screen WxH"))
