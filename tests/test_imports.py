"""What may import what, and what an import costs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "capture"
#: From the bottom to the top: a layer imports its own and those below.
LAYERS = [
    {"errors", "clock", "ids", "settings", "optional", "process", "_native"},
    {"gestures", "explain"},
    {"events", "targets"},
    {"config"},
    {"formats"},
    {"store", "logs", "sinks"},
    {"delivery"},
    {"engine"},
    {"replay", "gateway", "collector", "report", "scale", "integrations", "testing", "demo"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
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


def layer_of(module):
    """Return the part of the package that a module belongs to; None where it is in no layer."""
    name = module.split(".")[1]
    return name if name in LEVEL else None


def imported(path):
    """Yield (module, imported module of ours, whether it is only for type checking)."""
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{each.name}" for each in node.names]
                if node.module == "capture"
                else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        for name in names:
            if name.startswith("capture."):
                yield module, name, node in typing_only


def test_every_module_has_its_layer():
    homeless = [
        path.name
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists())
        and path.name != "__init__.py"
        and layer_of(f"capture.{path.stem}") is None
    ]

    assert homeless == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_run_one_way(path):
    wrong = [
        f"{module} imports {name}"
        for module, name, typing_only in imported(path)
        if not typing_only
        and module != "capture"
        and layer_of(name) is not None
        and LEVEL[layer_of(name)] > LEVEL[layer_of(module)]
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_only_the_command_line_imports_its_tools(path):
    text = path.read_text(encoding="utf-8")
    found = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }

    if "cli" not in path.parts:
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
