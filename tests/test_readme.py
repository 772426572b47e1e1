"""What the README and the guide show works: every snippet is run."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from host_processes import HEADLESS, environment as headless

ROOT = Path(__file__).parents[1]
FENCE = re.compile(
    r"(?P<note><!--[^\n]*-->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
PAGES = ["README.md"]
PAGES += [
    f"docs/{name}.md"
    for name in ("index", "replay", "recognizer", "report", "sweep", "dialects", "several-fingers")
]


def snippets(language):
    """Find the code blocks of a language; one is left out that a comment before it says is not run."""
    found = []
    for name in PAGES:
        page = ROOT / name
        for number, fence in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            if (
                fence["language"] == language
                and "not run" not in (fence["note"] or "")
                and "with an app" not in (fence["note"] or "")
            ):
                found.append(pytest.param(fence["code"], id=f"{name}-{number}"))
    return found


@pytest.fixture
def place(tmp_path):
    """Make a folder of its own that has the recordings where a clone has them."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(ROOT / "tests" / "data", target_is_directory=True)
    return tmp_path


def environment(place):
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": str(place / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def run_python(code, place):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("code", snippets("python"))
def test_python_snippets_run(code, place):
    done = run_python(code, place)

    assert done.stderr == ""
    assert done.returncode == 0
    for line in re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE):
        assert line.split(":")[0] in done.stdout


#: An app around the Kivy lines of the README: it stops as soon as it runs.
APP = """
from kivy.app import App
from kivy.clock import Clock
from kivy.uix.label import Label

class Shop(App):
    def build(self):
        Clock.schedule_once(lambda seconds: self.stop())
        return Label(text="Boats")

app = Shop()
{lines}
cap.opt_in()
app.run()
print(cap.stats.collected > 0, cap.project_id)
"""


def test_the_kivy_lines_run(place):
    pytest.importorskip("kivy", reason="kivy is not installed")
    (place / "capture.toml").write_text("[project]\nid = 8\n", encoding="utf-8")
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = [each["code"] for each in FENCE.finditer(page) if "with an app" in (each["note"] or "")]
    script = place / "shop.py"  # Kivy looks for a kv file beside the app's own
    script.write_text(APP.format(lines=lines), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=place,
        env={**environment(place), **headless(KIVY_HOME=str(place)), **HEADLESS, "XDG_DATA_HOME": str(place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True 8"


def test_the_extras_of_the_guide_are_those_of_the_package():
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = text.partition("| extra | for |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(
        package["project"]["optional-dependencies"]
    )


def commands():
    """Find the capture commands of the shell snippets."""
    return [
        pytest.param(line.partition("  #")[0].strip(), id=f"{each.id}-{number}")
        for each in snippets("sh")
        for number, line in enumerate(each.values[0].splitlines())
        if line.startswith("capture ")
    ]


@pytest.mark.parametrize("line", commands())
def test_commands_run(line, place):
    (place / "capture.toml").write_text("[project]\nid = 8\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_make_targets_are_there():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in [*PAGES, "CONTRIBUTING.md"])

    assert set(re.findall(r"\bmake ([a-z]+)\b", text)) - {"it"} <= set(targets)


def test_the_index_has_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}

    assert {page for page in pages if f"]({page})" not in index} == set()


GUIDE = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", *GUIDE])
def test_links_lead_somewhere(name):
    page = ROOT / name
    lost = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []
