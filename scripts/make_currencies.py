"""Make the table of withdrawn currencies: ``python scripts/make_currencies.py codes-all.csv``.

The file is ISO 4217 list three as a table (columns AlphabeticCode, NumericCode, WithdrawalDate), as the data
set ``datasets/currency-codes`` publishes it. Codes that are in use again, or have no number, are left out.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

from capture.events.currencies import NUMBERS

TARGET = Path(__file__).parents[1] / "capture" / "events" / "withdrawn.py"
_HEAD = """\"\"\"Withdrawn currencies: ISO 4217 list three.

Made by ``scripts/make_currencies.py``, not edited by hand.
\"\"\"

from __future__ import annotations

__all__ = ["WITHDRAWN"]

_TABLE = (
"""
_TAIL = """)

#: Alphabetic code -> numeric code, and the year (and month) of the withdrawal.
WITHDRAWN: dict[str, tuple[int, str]] = {
    entry[:3]: (int(entry[3:6]), entry[7:]) for entry in _TABLE.split()
}
"""


def main(source: str) -> None:
    """Write the table."""
    found: dict[str, tuple[str, str]] = {}
    for row in csv.DictReader(Path(source).read_text(encoding="utf-8").splitlines()):
        code, number, dates = row["AlphabeticCode"], row["NumericCode"], row["WithdrawalDate"]
        if dates and number and code not in NUMBERS:
            last = re.split(r" to |(?<=\d{4})-(?=\d{4})", dates)[-1]
            found[code] = (number, max(last, found.get(code, ("", ""))[1]))
    entries = [f"{code}{number}/{date}" for code, (number, date) in sorted(found.items())]
    lines = [" ".join(entries[start : start + 6]) for start in range(0, len(entries), 6)]
    body = "".join(f'    "{line} "\n' for line in lines)
    TARGET.write_text(_HEAD + body + _TAIL, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
