"""Make the pages of the user guide that come from the code: ``python scripts/make_docs.py``."""

from __future__ import annotations

from pathlib import Path

from capture.cli._help_text import cli_page
from capture.config.text import markdown_text
from capture.formats import FORMATS
from capture.sinks import SINKS

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write the pages."""
    (DOCS / "configuration.md").write_text(markdown_text(SINKS, FORMATS), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
