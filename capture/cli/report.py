"""``capture report``: a recording as a page or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capture import report
from capture.cli._options import Found, Logs, Reading, option, output_option, with_reading
from capture.cli._show import Meter, check_suffix, plural, remarks, writing


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[Path, output_option("page.html, or a picture: stroke.svg, screen.png.")],
    stroke: Annotated[
        int | None,
        option("Picture of this stroke: the row of capture classify, from 0.", "N", min=0),
    ] = None,
    stage: Annotated[
        str | None, option("Picture of this screen: its title, or its number from 0.", "TITLE")
    ] = None,
    screenshots: Annotated[bool, option("Embed the log's screenshots in the page, up to 32 MiB.")] = True,
    reading: Reading,
) -> None:
    """Write a page that shows a user's gestures and how each stroke was classified.

    The page is one self-contained file. For a folder of batches or of Currents files it shows the
    timeline and the table, in Currents of each user.

    Example: capture report session.touch.jsonl -o page.html

    Example: capture report session.touch.jsonl --stroke 12 -o stroke.svg
    """
    check_suffix(output, ".html", ".svg", ".png")
    suffix = output.suffix.lower()
    if suffix == ".html" and (stroke is not None or stage is not None):
        raise typer.BadParameter("--stroke and --stage choose the content of a picture", param_hint="-o")

    left_out: dict[str, str] = {}
    with Meter() as meter:
        recordings = report.read(
            logs, left_out, config=reading.config, options=reading.options, on_progress=meter.update
        )
        if suffix == ".html":
            for recording in recordings if not screenshots else ():
                recording.leave_out_screenshots()
            data = report.build_page(recordings).encode()
        else:
            data = _picture(recordings, suffix, stroke, stage)
    with writing(output) as file:
        file.write(data)
    strokes = plural(sum(map(len, recordings)), "stroke") + " " if suffix == ".html" else ""
    remarks().print(f"{strokes}-> {output} ({len(data):,} bytes)", markup=False)
    found = Found([], left_out)
    found.tell()
    found.check()


def _picture(recordings: list[report.Recording], suffix: str, stroke: int | None, stage: str | None) -> bytes:
    from capture.report.picture import PictureError, screen_svg, stroke_svg, to_png

    if len(recordings) != 1:
        raise typer.BadParameter(f"a picture shows one log; got {len(recordings)}")
    recording = recordings[0]
    try:
        if stroke is not None:
            svg = stroke_svg(recording, stroke)
        else:
            svg = screen_svg(recording, _stage_number(recording, stage))
        return svg.encode() if suffix == ".svg" else to_png(svg)
    except PictureError as error:
        raise typer.BadParameter(str(error)) from None


def _stage_number(recording: report.Recording, stage: str | None) -> int:
    if stage is None:
        return 0
    titles = [each.title for each in recording.stages]
    if stage in titles:
        return titles.index(stage)
    if stage.isdecimal():
        return int(stage)
    raise typer.BadParameter(f"{stage!r}: the screens are {', '.join(titles)}", param_hint="--stage")
