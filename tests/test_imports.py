"""What may import what, and what an import costs."""

import ast
import json
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "capture"
#: From the bottom to the top. A part imports itself and the layers below its own, nothing else: neither
#: at the top of a module, nor inside a function, nor for types alone.
LAYERS = [
    {"errors"},
    {"clock", "ids", "settings", "optional", "process"},
    {"_native"},
    {"gestures"},
    {"explain", "events"},
    {"targets", "config"},
    {"formats"},
    {"store", "logs", "sinks"},
    {"delivery"},
    {"engine"},
    {"replay", "gateway", "integrations", "testing"},
    {"report", "collector", "demo"},
    {"scale"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TOOLKITS = {
    "numpy",
    "pyarrow",
    "urllib3",
    "typer",
    "rich",
    "kivy",
    "starlette",
    "uvicorn",
    "fastavro",
    "obstore",
}


def part_of(module):
    """Return the part of the package that a module belongs to."""
    return module.split(".")[1]


@cache
def imports_of(module):
    """Return the modules of ours that a module imports, wherever in it; the package itself has only names."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{each.name}" for each in node.names)
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return {name for name in found if name.startswith("capture.") and name != module}


def test_every_module_has_its_layer():
    assert {part_of(module) for module in MODULES if module != "capture"} | {"_native"} == set(LEVEL)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "capture"])
def test_imports_go_down(module):
    part = part_of(module)
    below = {name for name, level in LEVEL.items() if level < LEVEL[part]}

    assert [name for name in imports_of(module) if part_of(name) not in below | {part}] == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: imports_of(module) for module in MODULES if module != "capture"}

    TopologicalSorter(graph).prepare()  # a CycleError has the circle


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("capture.cli")])
def test_only_the_command_line_imports_its_tools(module):
    path = MODULES[module]
    text = path.read_text(encoding="utf-8")
    found = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }

    assert not {name for name in found if name.split(".")[0] in {"typer", "rich"}}


def loaded_by(statements):
    """Run statements in a fresh interpreter; return the top-level packages that were loaded."""
    script = (
        f"{statements}\nimport json, sys\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


LIVE = """
import sys, tempfile, pathlib, capture
from capture import Capture, ProjectConfig, RunConfig, SinkConfig
from capture.config import BufferConfig
folder = tempfile.mkdtemp()
config = RunConfig(
    project=ProjectConfig(id=1),
    buffer=BufferConfig(path=folder),
    sinks=(
        SinkConfig(type="file", options={"path": folder}),
        SinkConfig(type="http", options={"url": "http://127.0.0.1:9/"}),
    ),
)
with Capture(config) as cap:
    cap.opt_in()
    cap.screen_view("Home")
    cap.touch_down(0, 1.0, 1.0)
    assert cap.touch_up(0, 1.0, 1.0).kind.name == "TAP"
"""


def test_importing_the_package_loads_no_toolkit():
    assert not loaded_by("import capture") & TOOLKITS


def test_the_live_path_loads_no_toolkit_but_urllib3_at_the_first_send():
    assert loaded_by(LIVE) & TOOLKITS <= {"urllib3"}


def test_the_recogniser_by_samples_loads_no_numpy():
    calls = "r.down(0, 1, 2, 3); r.move(0, 1, 2, 4); r.up(0, 1, 2, 5)"

    assert "numpy" not in loaded_by(f"import capture; r = capture.Recognizer(2.0); {calls}")


def test_importing_the_lineup_of_dialects_loads_no_numpy():
    assert "numpy" not in loaded_by("import capture.gestures.lineup")


def test_import_cost_is_reported(record_property):
    script = "import time; t = time.perf_counter(); import capture; print(time.perf_counter() - t)"
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", script], capture_output=True, check=True, cwd=PACKAGE.parent
            ).stdout
        )
        for _ in range(3)
    ]
    record_property("import_ms", round(min(times) * 1000, 1))

    assert min(times) > 0
