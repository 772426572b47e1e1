"""A gesture kind made by the recipe of CONTRIBUTING.md: four files are edited, and everything knows it."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("capture", "scripts", "docs", "README.md", "CONTRIBUTING.md", "setup.py", "pyproject.toml")
EDITED = {
    "capture/gestures/kinds.py",
    "capture/events/domain.py",
    "capture/formats/native.py",
    "tests/reference.py",
}
GENERATED = {"capture/_native/rule.h", "README.md", "docs/gestures.md", "docs/events.md", "docs/privacy.md"}
STEP = re.compile(
    r"^\d\. (?P<words>[^\n]+)\n\n   ```(?P<language>\w+)\n(?P<code>.*?)   ```$", re.MULTILINE | re.DOTALL
)
PLACE = re.compile(
    r"In `(?P<file>[^`]+)`, put this (?P<where>after|before|before the row of) `(?P<line>.+)`:$"
)
BUILT = f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
MS = 1_000_000
#: A tap, and a way of 36 dp: between the touch slop and the drag distance.
ROWS = [
    (0, 0, 0, 0, 10.0, 10.0),
    (0, 0, 1, 50 * MS, 10.0, 10.0),
    (0, 0, 0, 2000 * MS, 10.0, 10.0),
    (0, 0, 2, 2100 * MS, 28.0, 10.0),
    (0, 0, 1, 2200 * MS, 46.0, 10.0),
]

#: Runs in the copy: what each part makes of the two strokes.
PROBE = """
import json, sys
from pathlib import Path
from capture import TouchSamples, classify
from capture.cli import run
from capture.events.targets import Target
from capture.formats.native import decode
from capture.gestures.explain import explain
from capture.gestures.kinds import KINDS
from capture.replay import replay
from capture.report import build_page, read
from capture.report.picture import screen_svg
from capture.scale.sweep import Strokes, sweep
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture
from reference import Reference

folder, rows = Path(sys.argv[1]), json.loads(sys.argv[2])
table = classify(TouchSamples.from_rows(rows))
found = {"classify": [[gesture.kind.name, gesture.reason.name, gesture.direction.name] for gesture in table]}
found["reference"] = [record["kind"] for record in Reference().feed(rows).finish().records]

cap, sink = memory_capture(folder / "store", clock=(clock := FakeClock()))
with cap:
    script = TouchScript(cap, clock)
    script.tap()
    script.stroke([(0, 10, 10), (100, 28, 10), (200, 46, 10)], target=Target(id="card"))
events = [event for batch in decode_batches(sink.batches) for event in batch.events]
found["live"] = [[type(event).__name__, event.__struct_config__.tag] for event in events]

log = folder / "log.csv"
lines = ["stream,pointer,action,time,x,y", *(",".join(map(str, row)) for row in rows)]
log.write_text("\\n".join(lines) + "\\n")
replay([str(log)], folder / "out")
batch = decode((folder / "out" / "batches.jsonl").read_bytes().splitlines()[0])
found["replay"] = [event.__struct_config__.tag for event in batch.events]

told = explain(table[1])
found["explain"] = [told.kind, told.verdict, [condition.setting for condition in told.conditions]]
swept = sweep(Strokes([(table, 1.0)]), {"drag_distance_dp": [30, 48]})
found["sweep"] = [row["nudge"] for row in swept.rows]
recordings = read([str(log)])
found["page"] = build_page(recordings)
found["picture"] = screen_svg(recordings[0])
found["notebook"] = table._repr_html_()
found["batches"] = [int(kind) for kind in read([str(folder / "out")])[0].columns["kind"]]
found["colors"] = {row.name: row.color for row in KINDS}
assert run(["view", str(log)]) == 0
assert run(["stats", str(folder / "out"), "--json"]) == 0
print(json.dumps(found))
"""

#: Runs in node: the kind of the second stroke by the page's own rule.
RULE = """
const [page, source, measures] = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const model = page.match(/<script type="application\\/json" id="model">(.*?)<\\/script>/s)[1];
globalThis.document = { getElementById: () => ({ textContent: model }) };
const rule = new Function(`${source}; return ruleOf(DEFAULTS)`)();
console.log(rule(measures, 0));
"""


class Copy:
    """A copy of the tree in which a kind was added."""

    def __init__(self, folder):
        self.folder = folder
        for name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=ignored)
            else:
                shutil.copy2(ROOT / name, folder / name)
        (folder / "tests").mkdir()
        shutil.copy2(ROOT / "tests" / "reference.py", folder / "tests" / "reference.py")
        self.edited = set()
        self.begin_up_to_date()
        built = self.built()
        self.build_s = self.follow()
        self.rebuilt = {name for name, time in self.built().items() if time != built[name]}

    def begin_up_to_date(self):
        """Date what is built after everything that it was built from.

        pip builds in an environment of its own, before the Cython of this one is installed: by Cython's
        headers, which are newer, all of it would be built again.
        """
        for source in (self.folder / "capture" / "_native").rglob("*.c"):
            source.touch()
        for name in self.built():
            (self.folder / name).touch()
            # Where setuptools looks what is up to date.
            kept = self.folder / "build" / BUILT / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.folder / name, kept)

    def built(self):
        libraries = (self.folder / "capture" / "_native").rglob("*.so")
        return {file.relative_to(self.folder).as_posix(): file.stat().st_mtime_ns for file in libraries}

    def follow(self):
        """Follow the recipe; return the CPU time of its commands (s)."""
        page = (self.folder / "CONTRIBUTING.md").read_text(encoding="utf-8")
        section = page.partition("### Add a gesture kind\n")[2].partition("\n### ")[0]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for step in STEP.finditer(section):
            code = textwrap.dedent(step["code"])
            if step["language"] == "sh":
                for line in code.splitlines():
                    self.run(line.split()[1:])
            else:
                self.edit(PLACE.search(step["words"]), code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def edit(self, place, code):
        file = self.folder / place["file"]
        lines = file.read_text(encoding="utf-8").splitlines()
        [at] = [number for number, line in enumerate(lines) if line.strip() == place["line"]]
        at += {"after": 1, "before": 0, "before the row of": -1}[place["where"]]
        beside = lines[at - 1] if place["where"] == "after" else lines[at]
        indent = beside[: len(beside) - len(beside.lstrip())]
        new = textwrap.indent(code.rstrip(), indent).splitlines()
        lines[at:at] = [*new, "", ""] if code.startswith("class ") else new
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.edited.add(place["file"])

    def run(self, arguments, stdin=""):
        environment = {name: value for name, value in os.environ.items() if name != "CAPTURE_BUILD"}
        environment |= {
            "PYTHONPATH": os.pathsep.join(str(self.folder / name) for name in (".", "tests")),
            "XDG_DATA_HOME": str(self.folder / "home"),
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def changed(self):
        """Return the files whose text is not that of the tree; what is built does not count."""
        built = {".so", ".c", ".pyc", ".html"}
        files = [
            file.relative_to(self.folder)
            for name in (*COPIED, "tests")
            for file in ([self.folder / name] if (ROOT / name).is_file() else (self.folder / name).rglob("*"))
            if file.is_file() and file.suffix not in built - ({".html"} if "report" in file.parts else set())
        ]
        return {
            file.as_posix()
            for file in files
            if not (ROOT / file).exists() or (ROOT / file).read_bytes() != (self.folder / file).read_bytes()
        }


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    for needed in ("Cython", "setuptools", "duckdb"):
        pytest.importorskip(needed, reason=f"needs {needed}")
    return Copy(tmp_path_factory.mktemp("kind"))


@pytest.fixture(scope="module")
def found(copy):
    """What the parts of the copy say of the strokes, and what the commands print."""
    (copy.folder / "data").mkdir()
    *printed, last = copy.run(["-c", PROBE, str(copy.folder / "data"), json.dumps(ROWS)]).splitlines()
    return {**json.loads(last), "printed": "\n".join(printed)}


def test_four_files_are_edited_and_the_rest_is_made(copy):
    assert copy.edited == EDITED
    assert len(copy.edited) <= 4
    assert copy.changed() == EDITED | GENERATED


def test_only_what_the_rule_is_in_is_built_again(copy):
    assert copy.rebuilt
    assert not any(name.startswith("capture/_native/evdev/") for name in copy.rebuilt)
    assert copy.build_s <= 90


def test_the_core_and_its_reference_recognise_it(found):
    assert found["classify"] == [["TAP", "RECOGNIZED", "NONE"], ["NUDGE", "RECOGNIZED", "RIGHT"]]
    assert found["reference"] == [6, 11]
    assert found["sweep"] == [0, 1]


def test_its_event_has_its_own_number_live_and_in_a_replay(found):
    assert found["live"] == [["AppStartWire", 0], ["TapWire", 6], ["NudgeWire", 11]]
    assert [number for number in found["replay"] if number > 5] == [6, 11]
    assert found["batches"] == [6, 11]


def test_it_is_explained_by_its_conditions(found):
    assert found["explain"] == ["nudge", "a nudge to the right", ["touch_slop_dp", "drag_distance_dp"]]


def test_pages_and_pictures_show_it(found):
    color = found["colors"]["nudge"]
    model = re.search(r'id="model">(.*?)</script>', found["page"])[1]

    assert [row["kind"] for row in json.loads(model)["kinds"]] == [6, 8, 9, 10, 11, 0]
    assert f"--nudge: {color};" in found["page"]
    assert "square nudge" in found["picture"]
    assert f'fill="{color}"' in found["picture"]
    assert "1 tap, 1 nudge" in found["notebook"]


def test_the_page_classifies_it(found):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine to run the page's rule with")
    source = (ROOT / "capture" / "report" / "js" / "classify.js").read_text(encoding="utf-8")
    for distance, kind in ((10, "6"), (36, "11"), (50, "9")):
        measures = {"span_ns": [200 * MS], "distance": [distance], "velocity": [50]}
        stdin = json.dumps([found["page"], source, measures])
        done = subprocess.run([node, "-e", RULE], input=stdin, capture_output=True, text=True, check=True)

        assert done.stdout.strip() == kind


def test_the_commands_count_it(found):
    view, _, stats = found["printed"].partition("\n{")
    stats = json.loads("{" + stats)

    assert "1 tap, 1 nudge" in view
    assert "nudge right" in view
    assert {row["kind"]: row["strokes"] for row in stats["kinds"]} == {"tap": 1, "nudge": 1}
    assert stats["screens"][0]["nudges"] == 1
    assert [row["kind"] for row in stats["speeds"]] == ["nudge"]


def test_the_guide_has_it(copy):
    for name, row in (
        ("README.md", "| nudge | 24 to 48 dp | `ea` 11, with direction, distance, velocity |"),
        ("docs/gestures.md", "| NUDGE (11) | | 24 to 48 dp | |"),
        ("docs/events.md", "| 11 | nudge | `tvp` | `target_path` | text | |"),
    ):
        assert row in (copy.folder / name).read_text(encoding="utf-8").splitlines()
