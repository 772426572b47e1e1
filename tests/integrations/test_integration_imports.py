"""Toolkits are imported by their integration alone, and recipes name what the live path imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import capture

ROOT = Path(__file__).parents[2]
TOOLKITS = {"kivy", "PySide6", "pygame", "evdev", "jnius"}


@pytest.mark.parametrize(
    "module", ["capture", "capture.engine.capture", "capture.integrations", "capture.integrations.kivy",
               "capture.integrations.evdev", "capture.integrations.pygame", "capture.integrations.pyside6"],
)  # fmt: skip
def test_no_toolkit_is_imported(module):
    code = f"import sys, {module}; print(*sorted({TOOLKITS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def recipe(name):
    tree = ast.parse((ROOT / "packaging" / "python-for-android" / name / "__init__.py").read_text())
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in body if isinstance(node, ast.Assign)}


def test_the_recipe_needs_the_live_path_and_no_more():
    assert recipe("touchcapture")["depends"] == ["python3", "msgspec", "urllib3"]
    assert recipe("msgspec")["depends"] == ["python3"]


def test_the_recipe_has_the_version_of_the_project():
    assert recipe("touchcapture")["version"] == capture.__version__
