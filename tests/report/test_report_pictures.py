"""Pictures of strokes and screens, tables in notebooks, comparisons."""

import xml.etree.ElementTree as ET

import pytest
from report_recordings import DATA, PANEL, load

from capture import RunConfig
from capture.config import GestureConfig
from capture.gestures import classify
from capture.gestures.kinds import KINDS
from capture.gestures.samples import TouchSamples
from capture.report import build_page, read
from capture.report.compare import compare
from capture.report.notebook import Plot
from capture.report.picture import PictureError, screen_svg, stroke_svg, to_png
from capture.report.svg import stroke

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg):
    """A picture as XML; what is not well-formed raises."""
    return ET.fromstring(svg)  # noqa: S314 - our own text, without entities


def texts(svg):
    return [each.text for each in parsed(svg).iter(f"{SVG}text")]


def test_a_stroke_is_drawn_with_its_limits(session):
    said = texts(stroke_svg(session, 13))

    assert said[:3] == ["touch slop", "drag distance", "Stroke 13: fling complex pattern"]
    assert said[3] == "1313.03 ms · 138.195 dp · 105.249 dp/s · 119 samples"
    assert said[4] == "[root]>screen#product>image#image_product>"


def test_every_stroke_and_every_screen_can_be_drawn(loaded):
    for recording, _, _ in loaded:
        for stage in range(len(recording.stages)):
            parsed(screen_svg(recording, stage))
        for row in range(min(len(recording), 150)):
            if len(recording.trail.of(row)[1]):
                parsed(stroke_svg(recording, row))


def test_a_screen_says_what_is_on_it(session):
    assert texts(screen_svg(session, 2)) == [
        "Product",
        "10 strokes: 5 tap, 2 fling, 3 not recognised; 4 dead; 1 rage",
        "disc tap · ring long press · square drag · arrow fling · cross not recognised",
        "slash through a tap: dead · wide ring around a tap: rage",
    ]


def test_marks_that_a_screen_has_not_are_not_explained(session):
    said = texts(screen_svg(session, 0))

    assert said[1] == "6 strokes: 3 tap, 1 long press, 2 fling"
    assert len(said) == 3


def test_a_kind_has_the_colours_of_the_table_everywhere(session):
    page = build_page([session])
    table = session.table._repr_html_()

    for row in KINDS:
        assert page.count(f"--{row.name}: {row.color};") == 1
        assert page.count(f"--{row.name}: {row.dark};") == 2  # by the system's setting, and by the button
        assert f'style="color:{row.color}"' in table


def test_a_shape_without_a_sign_is_refused():
    with pytest.raises(ValueError, match="shape = 'star'"):
        stroke(KINDS[0]._replace(shape="star"), [(0.0, 0.0)], width=1.0)


def test_what_is_not_there_is_not_drawn(session):
    for draw, number, message in (
        (stroke_svg, 23, "stroke 23: there are 23"),
        (screen_svg, 3, "there are 3"),
    ):
        with pytest.raises(PictureError, match=message):
            draw(session, number)


def test_a_picture_becomes_png(session):
    pytest.importorskip("resvg_py", reason="no resvg: pip install resvg-py")
    data = to_png(screen_svg(session, 0), zoom=1)

    assert data.startswith(b"\x89PNG")
    assert len(data) > 2000


def test_hostile_names_stay_text_in_a_picture(tmp_path):
    file = tmp_path / "a.touch.jsonl"
    file.write_text(
        '{"mark":"screen","time":0,"name":"</text><script>x</script>\\u0007&"}\n'
        '{"action":0,"time":0,"x":1,"y":1}\n{"action":1,"time":9000000,"x":1,"y":1}\n'
    )
    svg = screen_svg(load(file), 0)

    assert texts(svg)[0] == "</text><script>x</script>\\x07&"
    assert not list(parsed(svg).iter(f"{SVG}script"))


def test_a_table_shows_itself_in_a_notebook(session):
    html = session.table._repr_html_()

    assert "<b>23 gestures</b> 8 tap, 1 long press, 4 drag, 6 fling, 4 none" in html
    assert html.count("<tr>") == 22  # the head, 15 and 5 rows, and one that says how many are left out
    assert "fling complex pattern" in html
    assert "tap (rage)" in html
    assert ">3 more<" in html


def test_an_empty_table_shows_itself():
    table = classify(TouchSamples(action=[], time=[], x=[], y=[]))

    assert "<b>0 gestures</b>" in table._repr_html_()
    parsed(table.plot().svg)


def test_a_table_is_plotted_and_saved(session, tmp_path):
    drawn = session.table.plot()
    drawn.save(tmp_path / "plot.svg")

    assert isinstance(drawn, Plot)
    assert drawn._repr_svg_() == (tmp_path / "plot.svg").read_text()
    signs = [parsed(drawn.svg).iter(f"{SVG}{tag}") for tag in ("circle", "rect", "path")]
    # 8 discs and a ring of two; the ground and 4 squares; 14 trails, 6 arrows and 4 crosses
    assert [len(list(each)) for each in signs] == [10, 5, 24]


def under(**gestures):
    config = RunConfig.load(environ={}, default_project_id=0)
    config = type(config)(project=config.project, gestures=GestureConfig(**gestures))
    return read([str(DATA / "session.touch.jsonl")], config=config)[0]


@pytest.mark.parametrize(
    ("gestures", "changes"),
    [
        pytest.param({}, [], id="same"),
        pytest.param(
            {"touch_slop_dp": 40.0},
            [(12, "none (between slop and drag)", "tap", "distance 35.1992 < 40 dp")],
            id="slop",
        ),
        pytest.param(
            {"fling_velocity_dp_s": 105.5},
            [(13, "fling complex pattern", "drag complex pattern", "velocity 105.249 <= 105.5 dp/s")],
            id="velocity",
        ),
        pytest.param(
            {"tap_timeout_ms": 100.0},
            [(2, "tap", "long press", "duration 112.21 > 100 ms")],
            id="timeout",
        ),
    ],
)
def test_what_a_configuration_changes_is_named_with_its_reason(session, gestures, changes):
    found = compare(session, under(**gestures))

    assert found.matched == 23
    assert [(each.before, each.was, each.now, each.why) for each in found.changes][: len(changes)] == changes
    assert bool(found.changes) == bool(changes)


def test_two_logs_of_the_same_touches_agree(session):
    panel = load(DATA / "phone.getevent.txt", PANEL)
    found = compare(session, panel)

    assert (found.matched, found.changes, found.only_before, found.only_after) == (23, (), (), ())


def test_what_only_one_log_has_is_named(session):
    # Kivy's recorder has no cancelled stroke.
    found = compare(session, load(DATA / "session.kvi", PANEL))

    assert found.only_before == (21,)
    assert found.only_after == ()
