"""A touch log that is dropped on the page: it is read as the engine reads it, or a message says why not."""

import base64
import json

import numpy as np
import pytest
from report_recordings import DATA, load

from capture import logs
from capture.report import build_page
from capture.report.data import page_data
from capture.report.packed import Packed

SESSION = DATA / "session.touch.jsonl"
#: What the engine recorded and what the page makes of samples must be the same to the last bit.
SAME = (
    "x y x_up y_up distance velocity path_length width height dx dy span_ns gap_ns apart sample_count stage"
)
CLASSES = {name: name for name in ("kind", "reason", "direction", "rage")} | {"tapCount": "tap_count"}
DROP = """async (files) => {
    const data = new DataTransfer(), page = document.documentElement.dataset, before = page.opened;
    for (const [name, base64, type] of files) {
        const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
    }
    const event = (kind) => new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event("dragenter"));
    const marked = document.body.classList.contains("dropping");
    document.body.dispatchEvent(event("drop"));
    while (page.opened === before) await new Promise((done) => setTimeout(done, 5));
    return marked && !document.body.classList.contains("dropping");
}"""
#: The recording that is open: columns, classes, trails; numbers as text, which may be infinite.
OPEN = """() => {
    const { rec, original } = touchReport;
    const texts = (columns) => Object.fromEntries(
        Object.entries(columns).map(([name, column]) => [name, [...column].map(String)]));
    const { length, trail } = rec;
    return { columns: texts(rec.columns), classes: texts(original), trail: texts(trail), length };
}"""
SCENE = """() => {
    const { stages, targets, visits, sessions, events } = touchReport.rec;
    return [
        stages.map((each) => [each.title, each.landscape, each.width, each.height]),
        targets.map((each) => [each.path, each.id, each.responsive]),
        visits.map((each) => [each.start, each.end, each.stage]),
        sessions.map((each) => [each.start, each.end, each.number]),
        events.map((each) => [each.time, each.kind, each.label]),
    ];
}"""
NO_FORM = "neither JSON lines nor a table"


def drop(page, *files):
    """Drop files, each a name, its bytes and perhaps a type; return whether the page was marked meanwhile."""
    given = [(name, base64.b64encode(data).decode(), *(kind or [""])) for name, data, *kind in files]
    return page.evaluate(DROP, given)


@pytest.fixture(scope="module")
def opened(show_once, session):
    """One page for the tests of this module."""
    return show_once(build_page([session]))


def test_a_dropped_log_is_classified_as_the_engine_does(opened, loaded, tmp_path):
    for number, (_, path, options) in enumerate(loaded):
        file = tmp_path / f"{number}.{('touch.jsonl', 'csv')[number % 2]}"
        logs.write(logs.open_log(str(path), options=options), str(file))
        assert drop(opened.page, (file.name, file.read_bytes()))
        compare(opened.page.evaluate(OPEN), load(file))
    assert opened.page.evaluate("touchReport.recordings.length") == 1 + len(loaded)
    assert (opened.problems, opened.requests) == ([], [])


def compare(found, expected):
    for name in SAME.split():
        own = expected.columns[name]
        np.testing.assert_array_equal(numbers(found["columns"][name]).astype(own.dtype), own, err_msg=name)
    for name, column in CLASSES.items():
        own = getattr(expected.table, column)
        np.testing.assert_array_equal(numbers(found["classes"][name]), own, err_msg=name)
    np.testing.assert_array_equal(numbers(found["classes"]["dead"]), expected.columns["dead"])
    for name in ("start", "time", "x", "y"):
        np.testing.assert_allclose(numbers(found["trail"][name]), getattr(expected.trail, name))
    assert found["length"] == pytest.approx(expected.length)


def numbers(texts):
    return np.array([float(text.replace("Infinity", "inf")) for text in texts])


def test_a_dropped_log_has_its_screens_targets_and_sessions(opened):
    drop(opened.page, ("visit.touch.jsonl", SESSION.read_bytes()))
    own = page_data(load(SESSION), Packed())
    scene = opened.page.evaluate(SCENE)

    assert scene[0] == [each[:4] for each in own["stages"]]
    assert scene[1] == own["targets"]
    for found, name in zip(scene[2:], ("visits", "sessions", "events"), strict=True):
        assert found == own[name]
    chips = opened.page.locator("#chips").inner_text().split("\n")
    assert chips[:4] == ["26.3 s long", "23 strokes", "3 screens", "1 session"]
    assert "default thresholds" in opened.page.locator("#warnings-list").inner_text()
    assert "Example Phone" in opened.page.locator("#about").inner_text()


def test_a_picture_is_dropped_with_its_log(opened):
    png = b"\x89PNG\r\n\x1a\n" + bytes(40)
    log = "\n".join(
        json.dumps(row)
        for row in (
            {"info": {"width": 360, "height": 640}},
            {"mark": "screenshot", "time": 0, "file": "a.png"},
            {"action": 0, "time": 1, "x": 5, "y": 5},
            {"action": "up", "time": 90_000_000, "x": 5, "y": 5},
        )
    ).encode()
    drop(opened.page, ("a.touch.jsonl", log))
    assert opened.page.evaluate("touchReport.rec.stages[0].image") is None
    assert "drop the pictures with the log" in opened.page.locator("#warnings-list").inner_text()
    drop(opened.page, ("a.touch.jsonl", log), ("a.png", png, ["image/png"]))
    image = opened.page.evaluate("touchReport.rec.stages[0].image")
    assert image == "data:image/png;base64," + base64.b64encode(png).decode()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("getevent.txt", b"/dev/input/event2: 0003 0039 0001\n", NO_FORM, id="other-format"),
        pytest.param("a.json", b'[{"x": 1}]', NO_FORM, id="json"),
        pytest.param("a.jsonl", b'{"x": 1}\n', "common form; capture convert LOG", id="other-lines"),
        pytest.param("a.csv", b"t,x,y\n1,2,3\n", "the columns action, time, x, y", id="other-columns"),
        pytest.param("empty.csv", b"", NO_FORM, id="empty"),
        pytest.param("a.bin", bytes(range(256)), NO_FORM, id="bytes"),
        pytest.param("a.csv", b"action,time,x,y\n" + b"\n" * 600_000, "more than 600,000 lines", id="long"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(opened, name, data, message):
    page = opened.page
    before = page.evaluate("touchReport.recordings.length")
    drop(page, (name, data))
    said = page.get_by_role("alert").inner_text()

    assert said.startswith(f"{name}: ")
    assert message in said
    assert len(said) < 400
    assert page.evaluate("touchReport.recordings.length") == before
    assert opened.problems == []


def test_what_a_dropped_log_says_is_text(opened):
    bad = "</script><img src=x onerror='window.pwned = 1'>\x1b[2J\u202e"
    rows = [
        {"info": {"device": bad, "density": "9", "width": -1}},
        {"mark": "screen", "time": 0, "name": bad},
        {"mark": "target", "time": 0, "pointer": 0, "path": bad, "id": bad},
        {"mark": bad, "time": 0, "name": bad},
        {"mark": "screenshot", "time": 0, "image": "data:image/svg+xml,<svg onload=alert(1)>"},
        {"action": 0, "time": 1, "x": 1, "y": 1},
        {"action": 1, "time": 9, "x": 1, "y": 1},
        {"action": 2, "time": "soon", "x": 1, "y": 1},
        {"action": "fly", "time": 9, "x": 1, "y": 1},
        [1],
    ]
    drop(opened.page, (bad.replace("/", "_"), "\n".join(map(json.dumps, rows)).encode()))

    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("img").count() == 0
    assert "\\x1b[2J\\u202e" in opened.page.locator("#why-body").text_content()
    assert "3 lines left out" in opened.page.locator("#warnings-list").inner_text()
    assert opened.page.evaluate("touchReport.rec.count") == 1
    assert (opened.problems, opened.requests) == ([], [])


def test_a_log_is_chosen_by_the_button(opened, tmp_path):
    file = tmp_path / "chosen.touch.jsonl"
    file.write_bytes(SESSION.read_bytes())
    with opened.page.expect_file_chooser() as chooser:
        opened.page.get_by_role("button", name="Open a log").click()
    chooser.value.set_files(str(file))
    opened.until("touchReport.rec.name === 'chosen.touch.jsonl'")

    assert opened.page.get_by_role("alert").is_hidden()


def test_axe_finds_no_fault_with_an_opened_log(opened, axe):
    drop(opened.page, ("broken.txt", b"?"), ("visit.touch.jsonl", SESSION.read_bytes()))
    opened.page.evaluate(axe)
    found = opened.page.evaluate("axe.run(document)")

    assert opened.page.get_by_role("alert").is_visible()
    assert [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found["violations"]
    ] == []
