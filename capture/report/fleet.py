"""A page of a fleet: events of a gateway's files, by time, event, screen, target and version.

One HTML file without scripts: it can be mailed, and opened without a network.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.optional import require

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fleet_page"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
body{color:#1c2430;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}.facts{display:flex;flex-wrap:wrap;gap:1rem}
.facts div{border:1px solid #d5dae1;border-radius:.5rem;padding:.6rem 1rem}
.facts b{display:block;font-size:1.4rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #e6e9ee}
td{overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap}svg{width:100%;height:9rem;background:#f5f7fa}
rect{fill:#2f6fdb}.bar{background:#cfe0fb;display:block;height:.7rem}
@media(max-width:40rem){table{display:block;overflow-x:auto}th,td{padding:.25rem .3rem}}
@media(prefers-color-scheme:dark){body{color:#dfe5ee;background:#12161c}svg{background:#1a212b}
.facts div,th,td{border-color:#333d4a}.bar{background:#2d4f86}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
#: Bars of the chart over time.
_BARS = 96
_ROWS = 15

_FACTS = """
SELECT count(*) AS "events", count(DISTINCT (project_id, user_id)) AS "users",
  count(DISTINCT (project_id, user_id, session_number)) AS "sessions",
  count(DISTINCT device_model) AS "device models", count(DISTINCT app_version) AS "app versions" FROM events
"""
#: Title -> query. The last column of each is drawn as a bar where it is a number.
_TABLES = {
    "Events": """
SELECT event_name AS event, count(DISTINCT user_id) AS users, count(*) AS events FROM events
GROUP BY 1 ORDER BY events DESC, event""",
    "Screens": """
SELECT coalesce(nullif(url_decode(regexp_extract(url, '[?&]title=([^&]*)', 1)), ''), '(none)') AS screen,
  count(DISTINCT user_id) AS users, count(*) FILTER (event_name = 'tap') AS taps,
  count(*) FILTER (event_name = 'tap' AND NOT responsive) AS "dead taps",
  count(*) AS events FROM events GROUP BY 1 ORDER BY events DESC, screen""",
    "Targets": """
SELECT coalesce(nullif(target_id, ''), target_path) AS target, count(DISTINCT user_id) AS users,
  count(*) FILTER (event_name IN ('drag', 'fling')) AS swipes,
  count(*) FILTER (event_name = 'tap' AND NOT responsive) AS "dead taps",
  count(*) AS gestures FROM events WHERE target_path IS NOT NULL GROUP BY 1 ORDER BY gestures DESC, target""",
    "Devices and versions": """
SELECT coalesce(device_model, '(unknown)') AS device, os_version AS os, app_version AS app,
  sdk_version AS sdk, count(DISTINCT user_id) AS users, count(*) AS events FROM events
GROUP BY ALL ORDER BY events DESC, device""",
    "Clocks that are wrong by more than a minute": """
SELECT user_id AS user, round(median(skew_ms) / 1000)::BIGINT AS "late by (s)", count(*) AS events FROM events
WHERE abs(skew_ms) > 60000 GROUP BY 1 ORDER BY events DESC, user""",
}


def fleet_page(folder: Path, *, title: str = "The fleet", day: str | None = None) -> str:
    """Return the page of a gateway's output folder.

    Parameters
    ----------
    folder : Path
        With ``events/**/*.parquet``.
    title : str
        Heading.
    day : str, optional
        ``YYYY-MM-DD``: events of that day (UTC, by the devices' clocks) alone.

    Raises
    ------
    ConfigError
        When there are no events, or a file is damaged.
    """
    duckdb = require("duckdb", "the fleet page")
    pattern = str(folder / "events" / "**" / "*.parquet")
    if not any((folder / "events").rglob("*.parquet")):
        raise ConfigError(
            f"{folder}: no events there: expected {pattern}; a gateway writes them after "
            "[journal] segment_age_s, and when it stops"
        )
    try:
        with duckdb.connect(":memory:") as connection:
            events = connection.read_parquet(pattern, union_by_name=True)
            if day is not None:
                events = events.filter(f"time::DATE = '{_date(day)}'::DATE")
            events.create_view("events")
            facts = _query(connection, _FACTS)
            tables = {name: _query(connection, query) for name, query in _TABLES.items()}
            return _page(title, facts, _chart(connection), tables)
    except duckdb.Error as error:
        raise ConfigError(str(error).partition("\n")[0]) from None


def _date(day: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise ConfigError(f"day = {day!r}: expected YYYY-MM-DD") from None


def _query(connection: Any, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    found = connection.execute(query)
    return [column[0] for column in found.description], found.fetchall()


def _page(title: str, facts: Any, chart: str, tables: dict[str, Any]) -> str:
    names, [values] = facts
    boxes = "".join(
        f"<div><b>{value:,}</b>{escape(name)}</div>" for name, value in zip(names, values, strict=True)
    )
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>',
        f'<h1>{escape(title)}</h1><div class="facts">{boxes}</div>',
        chart,
    ]
    parts += [_table(name, columns, rows) for name, (columns, rows) in tables.items() if rows]
    return "\n".join(parts) + "\n"


def _chart(connection: Any) -> str:
    """Return a chart of the number of events in equal steps of time."""
    query = (
        "SELECT min(epoch_ms(time)), max(epoch_ms(time)), min(time)::VARCHAR, max(time)::VARCHAR FROM events"
    )
    [(first, last, begin, end)] = connection.execute(query).fetchall()
    if first is None:
        return "<p>No events.</p>"
    step = max(1, -(-(last - first + 1) // _BARS))
    steps = "SELECT (epoch_ms(time) - ?) // ?, count(*) FROM events GROUP BY 1 ORDER BY 1"
    counts = connection.execute(steps, [first, step]).fetchall()
    most = max(count for _, count in counts)
    bars = "".join(
        f'<rect x="{place}.1" y="{100 - 95 * count / most:.1f}" width=".8" height="{95 * count / most:.1f}"/>'
        for place, count in counts
    )
    label = f"Events from {escape(begin)} to {escape(end)} (UTC, by the devices' clocks)"
    picture = f'<svg viewBox="0 0 {_BARS} 100" preserveAspectRatio="none" role="img">'
    return f"<h2>{label}</h2>{picture}<title>{label}; at most {most:,} in a bar</title>{bars}</svg>"


def _table(name: str, columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    most = max(row[-1] for row in rows) or 1
    kinds = [' class="n"' if isinstance(value, int) else "" for value in rows[0]]
    head = "".join(f"<th{kind}>{escape(column)}" for kind, column in zip(kinds, columns, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{_cell(value)}" for kind, value in zip(kinds, row, strict=True))
        + f'<td><span class="bar" style="width:{100 * row[-1] / most:.1f}%"></span>'
        for row in rows[:_ROWS]
    )
    more = f"<p>... and {len(rows) - _ROWS:,} more</p>" if len(rows) > _ROWS else ""
    return f"<h2>{escape(name)}</h2><table><tr>{head}<th>{body}</table>{more}"


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else escape("-" if value is None else str(value))
