"""A Python of another machine or of another Debian, unpacked into a folder beside.

Nothing of the system changes: apt-get gets a state of its own, downloads only, and `dpkg -x` unpacks.
A missing package raises `UnavailableError`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Exit status of a script that could not get its packages (automake's word for a skipped test).
SKIPPED = 77
#: The longest (s) that a download may take.
PATIENCE_S = 1200.0


class UnavailableError(Exception):
    """A package, a compiler or a registry cannot be had here."""


def run(
    *command: str | Path, env: Mapping[str, str] | None = None, timeout: float | None = PATIENCE_S
) -> str:
    """Run a command; return its output. One that fails to start or to end is `UnavailableError`."""
    words = [str(each) for each in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        raise UnavailableError(f"{' '.join(words[:3])}: {''.join(last)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{' '.join(words[:3])}: {error}") from error
    return done.stdout


def need(*programs: str, packages: Iterable[str]) -> None:
    """Have programs on the path: install Debian's packages where one is missing and apt-get may."""
    if all(map(shutil.which, programs)):
        return
    if not shutil.which("apt-get"):
        raise UnavailableError(f"{', '.join(programs)}: not installed, and there is no apt-get")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    run(*sudo, "apt-get", "-qq", "update")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(*sudo, "apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages, env=quiet)


def _mirror() -> tuple[str, str]:
    """Return the address and the release of the Debian that this machine's apt-get uses."""
    shown = run("apt-get", "indextargets", "--format", "$(LABEL) $(COMPONENT) $(RELEASE) $(REPO_URI)")
    for line in shown.splitlines():
        found = re.fullmatch(r"Debian main (?P<release>\w+) (?P<place>\S+)", line)
        if found:
            return found["place"], found["release"]
    raise UnavailableError("apt-get names no Debian")


def unpack(root: Path, architecture: str, packages: Iterable[str], *, release: str = "") -> None:
    """Unpack packages and all that they depend on into a folder; once: files that are there stay.

    Parameters
    ----------
    root : Path
    architecture : str
        Debian's name of the machine: ``arm64``, ``armhf``, ...
    packages : iterable of str
    release : str
        The Debian to take them from; the machine's own by default.
    """
    done, wanted = root / ".unpacked", " ".join((release, *packages))
    if done.exists() and done.read_text("utf-8") == wanted:
        return
    place, own = _mirror()
    state = root / ".apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (state / "sources.list").write_text(f"deb [signed-by={keys}] {place} {release or own} main\n", "utf-8")
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "root",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
    }
    own_state = [f"-o{name}={value}" for name, value in settings.items()]
    run("apt-get", *own_state, "-qq", "update")
    run("apt-get", *own_state, "-qq", "-y", "--download-only", "install", *packages)
    for package in sorted((state / "cache" / "archives").glob("*.deb")):
        run("dpkg", "-x", package, root)
    shutil.rmtree(state / "cache")
    done.write_text(wanted, "utf-8")


def headers(root: Path, folder: Path, version: str, triplet: str) -> str:
    """Return the options with which a C compiler finds an unpacked Python's headers, and no others there."""
    for name in (f"python{version}", triplet):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(root / "usr" / "include" / name)
    return f"-I{folder / f'python{version}'} -I{folder}"


def launcher(folder: Path, home: Path, command: str) -> Path:
    """Make an environment whose Python is a script; return it. `command` ends where the arguments come.

    It is a program like another to callers of ``sys.executable``: child processes work.
    """
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n", "utf-8")
    python.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
    python.chmod(0o755)
    return python
