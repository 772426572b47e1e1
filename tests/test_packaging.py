"""The package as it is built: version, files, extras, the tables of plug-ins."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import capture
from capture import formats, logs, sinks
from capture.cli import COMMANDS, GROUPS
from capture.events import SDK_VERSION
from capture.optional import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_one_version_everywhere():
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "capture.__version__"}
    assert capture.__version__ == SDK_VERSION


def test_every_requirement_has_a_lower_bound():
    project = PROJECT["project"]
    groups = [
        each for group in PROJECT["dependency-groups"].values() for each in group if isinstance(each, str)
    ]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    requirements = [*project["dependencies"], *extras, *groups]

    assert [
        each for each in requirements if not re.search(r"[>=]=", each) and "touchcapture[" not in each
    ] == []


def test_what_a_message_names_as_an_extra_is_one():
    extras = set(PROJECT["project"]["optional-dependencies"])
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "capture").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"touchcapture\[(\w+)\]", text)}

    assert named | set(EXTRAS.values()) <= extras


@pytest.mark.parametrize("name", capture.__all__)
def test_public_names_are_there_and_documented(name):
    assert getattr(capture, name).__doc__


def test_public_names_are_sorted():
    assert capture.__all__ == sorted(capture.__all__)


def test_the_package_is_typed():
    assert (ROOT / "capture" / "py.typed").exists()
    modules = {path.with_suffix("") for path in (ROOT / "capture" / "_native").rglob("*.pyx")}

    assert modules == {path.with_suffix("") for path in (ROOT / "capture" / "_native").rglob("*.pyi")}


def plug_ins(folder, *, shared=()):
    """Modules of a folder that are plug-ins: not private, not shared by several."""
    names = {
        path.stem
        for path in (ROOT / folder).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return {name for name in names if not name.startswith("_") and name not in shared}


def test_the_table_of_sinks_is_the_folder():
    assert {place.partition(":")[0].rpartition(".")[2] for place in sinks.SINKS.values()} == plug_ins(
        "capture/sinks",
        shared=("answers", "base", "batchfiles", "client", "deadline", "environment", "objects", "partner"),
    )


def test_the_table_of_wire_formats_is_the_folder():
    assert {module.split(".")[2] for module in formats.FORMATS.values()} == plug_ins(
        "capture/formats", shared=("base", "header", "receive", "schema")
    )


def test_every_log_format_has_its_module():
    for name, module in logs.FORMATS.items():
        assert importlib.import_module(module).Log.name == name


def test_the_table_of_commands_is_the_folder():
    table = {module.rpartition(".")[2] for module in (*COMMANDS.values(), *GROUPS.values())}

    assert table == plug_ins("capture/cli")


def test_every_resource_is_in_the_package():
    data = PROJECT["tool"]["setuptools"]["package-data"]
    patterns = [
        f"{package.replace('.', '/')}/{each}" for package in data if package != "*" for each in data[package]
    ]
    patterns += [f"capture/**/{each}" for each in data["*"]]
    packed = {path for pattern in patterns for path in ROOT.glob(pattern)}
    made = {".py", ".pyc", ".c", ".so", ".pyd"}
    there = {path for path in (ROOT / "capture").rglob("*") if path.is_file() and path.suffix not in made}

    assert {
        path.relative_to(ROOT).as_posix() for path in there - packed if "_native" not in path.parts
    } == set()
