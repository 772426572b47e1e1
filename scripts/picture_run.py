"""Make docs/images/run.svg: the output of ``make run`` on a terminal of 80 columns.

Run it in a clone where ``make run`` was run once: ``python scripts/picture_run.py``.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "run.svg"
COLUMNS = 80


def printed(command: list[str]) -> str:
    """Return a command's output on a terminal, with its colours."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the other side was closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    return b"".join(parts).decode()


def main() -> None:
    """Draw the output as a terminal."""
    text = printed(["make", "--no-print-directory", *sys.argv[1:], "run"]).replace("\r\n", "\n")
    # A bar of progress draws its line again and again: only the last state stays.
    lines = [line.rpartition("\r")[2] for line in text.split("\n")]
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text("$ make run"))
    console.print(Text.from_ansi("\n".join(lines).rstrip()))
    # Without the fonts of another server: the reader's own monospace font does.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="make run"), flags=re.DOTALL)
    PICTURE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
