"""Make the pages of the user guide that come from the code: ``python scripts/make_docs.py``."""

from __future__ import annotations

from pathlib import Path

from capture.cli._config_text import markdown_text
from capture.cli._help_text import cli_page

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write the pages."""
    (DOCS / "configuration.md").write_text(markdown_text(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
