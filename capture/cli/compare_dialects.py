"""``capture compare-dialects``: the same strokes in the dialects of different engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capture import report
from capture.cli._options import Json, Reading, option, output_option, with_reading
from capture.cli._show import check_suffix, console_for, plural, print_json, progress, remarks, writing
from capture.cli._work import samples as read_samples
from capture.gestures.config import GestureConfig
from capture.gestures.lineup import Lineup, Parting, configurations


@with_reading
def command(
    *,
    log: Annotated[str, typer.Argument(metavar="LOG", help="A touch log.")],
    dialects: Annotated[
        str | None, option("Dialects to compare; default: all, own rows too.", "A,B,...")
    ] = None,
    output: Annotated[
        Path | None,
        output_option(
            "Parquet: a row a stroke, a column a dialect; HTML: the report page with these dialects."
        ),
    ] = None,
    rows: Annotated[int, option("Show so many strokes on which dialects part.", "N", min=0)] = 40,
    json: Json = False,
    reading: Reading,
) -> None:
    """Classify the strokes of a log in the dialects of different engines.

    How many strokes of each kind there are in each dialect, how many each two call the same, and the
    strokes on which they part, with the comparison that decides.

    Example: capture compare-dialects session.touch.jsonl

    Example: capture compare-dialects session.touch.jsonl --dialects android,flutter -o dialects.parquet

    Example: capture compare-dialects session.touch.jsonl -o dialects.html
    """
    check_suffix(output, ".parquet", ".html")
    names = [name.strip() for name in dialects.split(",")] if dialects else []
    configs = configurations(reading.config.gestures, names)
    lineup, first_ns = _read(log, reading, configs)
    partings = list(lineup.partings())
    if output is not None and output.suffix.lower() == ".html":
        _write_page(log, reading, list(configs), output)
    elif output is not None:
        _write(lineup, output)
    if json:
        print_json(
            {
                "strokes": lineup.count,
                "counts": lineup.counts(),
                "agreement": lineup.agreement(),
                "partings": partings,
            }
        )
        return
    _show(lineup, partings[:rows], first_ns)
    told = f"{plural(lineup.count, 'stroke')}; {len(partings)} are not the same in all dialects"
    remarks().print(told if output is None else f"{told} -> {output}", markup=False)


def _read(log: str, reading: Reading, configs: dict[str, GestureConfig]) -> tuple[Lineup, int]:
    """Return the lineup of a log, and the first time of the log (ns)."""
    [path] = reading.find([log]).paths
    with progress() as after_chunk:
        [(opened, density, chunks)] = read_samples([path], reading, after_chunk)
        lineup = Lineup(configs, density)
        for chunk in chunks:
            lineup.feed(chunk)
    lineup.finish()
    return lineup, opened.first_ns or 0


def _show(lineup: Lineup, partings: list[Parting], first_ns: int) -> None:
    console = console_for()
    counts = lineup.counts()
    kinds = [kind.replace("_", " ") for kind in next(iter(counts.values()))]
    console.print(_grid("Strokes of each kind", kinds, counts))
    console.print()
    shares = {
        name: {
            other: f"{100 * same / lineup.count:.0f}" if lineup.count else "" for other, same in row.items()
        }
        for name, row in lineup.agreement().items()
    }
    console.print(_grid("Called the same, %", shares, shares))
    if partings:
        console.print()
        console.print("Strokes on which they part", style="bold")
        for line in _lines(partings, first_ns):
            console.print(line, markup=False, soft_wrap=True)


def _write(lineup: Lineup, output: Path) -> None:
    from pyarrow import parquet

    with writing(output) as file:
        parquet.write_table(lineup.to_arrow(), file)


def _write_page(log: str, reading: Reading, names: list[str], output: Path) -> None:
    recordings = report.read([log], config=reading.config, options=reading.options)
    for recording in recordings:
        recording.others = {name: each for name, each in recording.others.items() if name in names}
    page = report.build_page(recordings, title=f"dialects of {Path(log).name}")
    with writing(output) as file:
        file.write(page.encode())


def _grid(title: str, heads: Iterable[str], rows: Mapping[str, Mapping[str, object]]) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column("dialect", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    for name, row in rows.items():
        table.add_row(name, *map(str, row.values()))
    return table


def _lines(partings: list[Parting], first_ns: int) -> Iterator[str]:
    """Yield each dialect's class of each stroke, and why."""
    for each in partings:
        kinds: dict[str, list[str]] = {}
        for name, kind in each.kinds.items():
            kinds.setdefault(kind.replace("_", " "), []).append(name)
        called = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
        yield f"{each.stroke:>4} {(each.time_down - first_ns) / 1e9:>9.3f} s  {called}"
        yield f"{'':>17}{each.why}"
