"""What must not change unannounced: records, batches, files, schemas, help and the documented names."""

import ast
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from capture import ProjectConfig, RunConfig
from capture.replay import Replay
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
GOLDEN = DATA / "golden"
LOGS = {name: DATA / name for name in ("session.touch.jsonl", "session.kvi", "phone.getevent.txt")}
#: Names that README and the guide ever used: they stay importable.
DOCUMENTED = """
capture.Capture capture.DeviceConfig capture.Recognizer capture.TouchSamples capture.classify
capture.collector.Collector capture.collector.Fault capture.config.BufferConfig capture.config.PrivacyConfig
capture.config.SinkConfig capture.events.ScreenView capture.explain.explain capture.formats.FORMATS
capture.formats.currents.Record capture.formats.native.decode capture.integrations.evdev.EvdevHost
capture.integrations.evdev.find_touchscreen capture.integrations.pygame.PygameHost
capture.integrations.pyside6.QtHost capture.logs.FORMATS capture.logs.open_log capture.replay.replay
capture.report.build_page capture.report.read capture.scale.classify_dataset capture.scale.classify_stream
capture.scale.duckdb capture.scale.polars capture.scale.ray capture.scale.repartition.repartition
capture.scale.sweep.Strokes capture.scale.sweep.sweep capture.settings.Section capture.sinks.SINKS
capture.targets.view_path capture.testing.FakeClock capture.testing.TouchScript capture.testing.decode_batches
capture.testing.memory_capture
"""


def command(*arguments, folder):
    done = subprocess.run(
        [sys.executable, "-m", "capture", *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("name", LOGS)
def test_the_records_of_a_recording_are_unchanged(name, golden, tmp_path):
    text = command("classify", LOGS[name], folder=tmp_path)

    golden(GOLDEN / f"{name}.records.jsonl", text)


@pytest.mark.parametrize("wire", ["native", "currents"])
def test_the_batches_of_a_recording_are_unchanged(wire, golden):
    sink = MemorySink(formats=(wire,))
    config = RunConfig(project=ProjectConfig(id=8, app_name="Shop", app_id="shop"))
    Replay([LOGS["session.touch.jsonl"]], config=config, sinks=[sink], clock=FakeClock()).run()

    golden(GOLDEN / f"session.batches.{wire}.txt", b"\n".join(each.body for each in sink.batches).decode())


def test_the_currents_files_of_a_recording_are_unchanged(golden, tmp_path):
    shutil.copy(LOGS["session.touch.jsonl"], tmp_path)
    start = ("--start-time", "1700000000000")
    command("currents", "session.touch.jsonl", *start, "-o", "out", "--files", "json", folder=tmp_path)
    files = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    text = "".join(f"{path.relative_to(tmp_path)}\n{path.read_text()}\n" for path in files)

    golden(GOLDEN / "session.currents.txt", text)


def test_the_parquet_schemas_are_unchanged(golden, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    log = LOGS["session.touch.jsonl"]
    (tmp_path / "samples").mkdir()
    command("classify", log, "-o", "records.parquet", folder=tmp_path)
    command("convert", log, "-o", "samples/samples.parquet", folder=tmp_path)
    command("classify", tmp_path / "samples", "-o", "set", folder=tmp_path)
    [part] = (tmp_path / "set").rglob("*.parquet")
    files = {
        "classify LOG -o F": tmp_path / "records.parquet",
        "classify DIR -o OUT": part,
        "convert": tmp_path / "samples" / "samples.parquet",
    }

    golden(
        GOLDEN / "parquet.txt", "".join(f"{name}\n{shown(parquet, each)}\n" for name, each in files.items())
    )


def shown(parquet, path):
    schema = parquet.read_schema(path)
    return "\n".join(
        [
            f"  {field.name}: {field.type}{'' if field.nullable else ' not null'} {field.metadata}"
            for field in schema
        ]
        + [f"  {sorted(schema.metadata or {})}"]
    )


@pytest.mark.parametrize("name", DOCUMENTED.split())
def test_a_documented_name_is_importable(name):
    module, _, attribute = name.rpartition(".")
    found = hasattr(import_module(module), attribute) or find_spec(name) is not None

    assert found


def documented_imports():
    """Yield (page, statement) for every import of ours in README and the guide."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for line in page.read_text(encoding="utf-8").splitlines():
            match = re.match(r"\s*(from capture[\w.]* import [\w, ]+|import capture[\w.]*)", line)
            if match:
                yield pytest.param(match[1].strip(), id=f"{page.name}: {match[1].strip()}")


@pytest.mark.parametrize("statement", list(documented_imports()))
def test_an_import_of_the_documents_works(statement):
    [node] = ast.parse(statement).body
    if isinstance(node, ast.Import):
        import_module(node.names[0].name)
        return
    if node.module.startswith("capture.integrations."):
        host = node.module.rpartition(".")[2]
        pytest.importorskip({"pyside6": "PySide6"}.get(host, host))
    module = import_module(node.module)

    for each in node.names:
        if not hasattr(module, each.name):
            import_module(f"{node.module}.{each.name}")


def test_json_of_a_record_keeps_its_keys_in_order(tmp_path):
    first = command("classify", LOGS["session.touch.jsonl"], folder=tmp_path).splitlines()[0]

    assert list(json.loads(first))[:7] == [
        "stream",
        "pointer",
        "kind",
        "reason",
        "direction",
        "time_down",
        "time_up",
    ]
