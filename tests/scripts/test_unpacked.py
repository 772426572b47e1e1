"""Pythons beside the machine's own: what the scripts that test on them share, without a download."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def unpacked(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import unpacked

    return unpacked


def test_an_environment_by_a_launcher_starts_children_of_its_own_kind(unpacked, tmp_path):
    code = "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'print(6)']))"
    python = unpacked.launcher(tmp_path / "a b", Path(sys.executable).parent, f"{sys.executable} -I")
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "b'6\\n'\n"


def test_what_cannot_be_had_is_one_error_with_the_last_line(unpacked):
    fails = "import sys; sys.exit('many\\nlines\\nno such package')"

    with pytest.raises(unpacked.UnavailableError, match=r"no such package$"):
        unpacked.run(sys.executable, "-c", fails)
    with pytest.raises(unpacked.UnavailableError, match="no-such-program"):
        unpacked.run("no-such-program")


def test_programs_that_are_there_are_not_installed(unpacked, monkeypatch):
    monkeypatch.setattr(unpacked, "run", None)
    unpacked.need("sh", packages=["dash"])

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(unpacked.UnavailableError, match="there is no apt-get"):
        unpacked.need("sh", packages=["dash"])


def test_only_the_headers_of_python_are_found(unpacked, tmp_path):
    options = unpacked.headers(tmp_path / "root", tmp_path / "include", "3.11", "arm-linux-gnueabihf")

    assert options == f"-I{tmp_path}/include/python3.11 -I{tmp_path}/include"
    assert {each.name for each in (tmp_path / "include").iterdir()} == {"python3.11", "arm-linux-gnueabihf"}


def test_a_machine_that_is_not_known_is_a_wrong_call(unpacked):
    script = SCRIPTS / "run_machine.py"
    done = subprocess.run([sys.executable, script, "vax"], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "arm64,armhf,s390x" in done.stderr


def test_every_test_file_is_in_one_share(unpacked):
    import run_machine

    found = run_machine.shares(("tests/scripts", "tests/gestures/test_bits.py"), 2)
    files = {each.name for each in (SCRIPTS.parent / "tests" / "scripts").glob("test_*.py")}

    assert len(found) == 2
    assert sorted(Path(each).name for share in found for each in share) == sorted([*files, "test_bits.py"])
    assert run_machine.shares(("tests/gestures/test_bits.py",), 4) == [["tests/gestures/test_bits.py"]]
