"""Pages and tables that are made from the code are as the code makes them."""

import runpy
from pathlib import Path

import pytest

from capture.gestures.kinds import KINDS

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_docs.py"
PAGES = runpy.run_path(str(SCRIPT))["pages"]()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], "run: make docs"


@pytest.mark.parametrize("name", ["README.md", "gestures.md", "events.md"])
def test_a_table_names_every_kind(name):
    [text] = [text for path, text in PAGES.items() if path.name == name]
    table = text.partition("<!-- kinds:")[2].partition("<!-- /kinds -->")[0].lower()

    for row in KINDS:
        assert row.label in table or row.name in table or row.event is None
