"""The page on touch logs lists what the code knows."""

from pathlib import Path

import pytest

from capture import logs
from capture.logs import base, source
from capture.logs.columns import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "touch-logs.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(logs.FORMATS))
def test_every_format_has_its_row(name):
    entry = logs.reader_of(name)
    begins = f"| `{name}` | {entry.description}"
    rows = [line for line in PAGE.splitlines() if line.startswith(begins)]

    assert len(rows) == 1, (
        f"docs/touch-logs.md, its table of formats: expected one row that begins {begins!r}"
    )
    example = entry.example.replace("|", "\\|")
    assert example in rows[0], f"docs/touch-logs.md, the row of {name}: expected the example {example!r}"
    untried = "not tried on a real file"
    assert (untried in rows[0]) == entry.untried, f"docs/touch-logs.md, the row of {name}: {untried!r}?"


def test_every_cause_of_doubt_has_its_row():
    assert all(f"| `{cause}` | {text} |" in PAGE for cause, text in logs.CAUSES.items())


def test_presets_and_limits():
    assert all(f"`--columns {preset}`" in PAGE for preset in PRESETS)
    assert f"{source.EXPANDED_LIMIT_BYTES >> 30} GiB; for more" in PAGE
    assert f"| a line of text | {source.LINE_LIMIT_BYTES >> 20} MiB |" in PAGE
    assert f"| {base.DOCUMENT_LIMIT_BYTES >> 20} MiB |" in PAGE
    assert f"the first {source.HEAD_BYTES >> 10} KiB |" in PAGE
