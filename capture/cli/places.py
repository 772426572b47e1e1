"""``capture places``: heat maps of screens over many devices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from capture.cli._options import Json, output_option
from capture.cli._show import console_for, plural, print_json, writing
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.report.picture import HeatMap

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder of gestures (Parquet, from classify) or of Currents."),
    ],
    *,
    output: Annotated[Path, output_option("Folder of the pictures.", "OUT")],
    json: Json = False,
) -> None:
    """Show where people touch: a heat map for each screen and size, as SVG.

    Positions are in files of gestures, and in Currents records where [privacy] positions keeps them. Marks
    (*.marks.jsonl, written by convert) supply screens, and screenshots for the background.

    Example: capture places gestures/ -o heat/
    """
    from capture.report.picture import heat_maps
    from capture.scale.stats import open_stats

    with open_stats(folder) as connection:
        cells = connection.execute("from places").fetchall()
    if not cells:
        raise ConfigError(
            f"{folder}: no positions in its gestures; [privacy] positions keeps them in Currents"
        )
    found = heat_maps(cells, _screenshots(folder))
    written = [_write(output, number, each) for number, each in enumerate(found)]
    rows = [
        {"screen": each.screen, "width": each.width, "height": each.height, "gestures": each.strokes}
        | {"file": str(path)}
        for each, path in zip(found, written, strict=True)
    ]
    if json:
        print_json({"places": rows})
        return
    console = console_for()
    for row in rows:
        size = f"{row['width']} x {row['height']} px"
        line = f"{row['gestures']:>8} {row['screen'] or '-'}, {size} -> {row['file']}"
        console.print(line, markup=False)
    console.print(plural(len(rows), "heat map"))


def _write(output: Path, number: int, heat: HeatMap) -> Path:
    name = re.sub(r"[^\w-]+", "-", heat.screen.lower()).strip("-")[:60] or "unknown"
    path = output / f"{number:03d}-{name}-{heat.width}x{heat.height}.svg"
    try:
        output.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            file.write(heat.svg.encode())
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error.strerror}") from None
    return path


def _screenshots(folder: Path) -> dict[str, str]:
    """Return screen -> data URI of its last screenshot, from the marks of the folder."""
    from capture.report.marks import screenshot_uri

    images: dict[str, str] = {}
    for path in sorted(folder.rglob("*.marks.jsonl")):
        shown = ""
        with path.open("rb") as lines:
            for line in lines:
                try:
                    mark = _decode(line)
                except msgspec.DecodeError:
                    continue
                if mark.get("mark") == "screen":
                    shown = str(mark.get("name", ""))
                elif mark.get("mark") == "screenshot":
                    uri = screenshot_uri(mark.get("image"))
                    if uri is not None:
                        images[shown] = uri
    return images
