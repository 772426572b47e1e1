"""The command line: what each command prints, writes and exits with."""

import csv
import json
import os
import platform
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import pytest

from capture import GestureKind, Reason, TouchSamples, classify
from capture.__main__ import main
from capture.cli._help_text import commands
from capture.collector import Collector
from capture.gestures import FIELDS, KERNELS
from capture.logs import _WRITERS, CAUSES, open_log

DATA = Path(__file__).parents[1] / "data"
SESSION = str(DATA / "session.touch.jsonl")
HEADER = "action,time,x,y\n"

#: A moment since the epoch, for logs that have none.
START = ("--start-time", "1700000000000")


@pytest.fixture
def run(capfdbinary):
    """Run a command in this process; return (status, standard output, standard error)."""

    def call(*arguments):
        status = main([str(each) for each in arguments])
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return status, out.decode(), err.decode()

    return call


def expected_rows():
    [chunk] = open_log(SESSION).chunks()
    return [gesture.to_dict() for gesture in classify(chunk, 2.75)]


# replay


def test_replay_prints_the_gestures_and_where_the_batches_are(run, tmp_path):
    status, out, err = run("replay", SESSION, "-o", tmp_path)

    assert (status, err) == (0, "")
    assert "long press" in out
    assert "(rage)" in out
    assert "between slop" in out
    assert f"22 events in 1 session -> {tmp_path / 'batches.jsonl'}" in out
    assert len((tmp_path / "batches.jsonl").read_bytes().splitlines()) == 1
    assert json.loads((tmp_path / "summary.json").read_bytes())["strokes"] == 23


def test_replay_shows_where_each_stroke_was_in_80_columns(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = run("replay", SESSION, "-o", tmp_path)[1]
    [row] = [line for line in out.splitlines() if line.split()[:2] == ["22", "26.203"]]

    assert row.split() == ["22", "26.203", "tap", "100", "0.4", "4", "Product", "button_buy"]
    assert max(map(len, out.replace(str(tmp_path), "out").splitlines())) <= 80


def test_strokes_of_several_streams_are_listed_in_their_order(run, tmp_path):
    log = tmp_path / "two.csv"
    log.write_text("stream,action,time,x,y\n1,0,1000,2,3\n2,0,1001,2,3\n2,1,1002,2,3\n1,1,1003,2,3\n")
    out = run("replay", log, "-o", tmp_path)[1]

    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["0", "1"]


def begins(out, stroke):
    """Return what stands under "at (s)" for a stroke."""
    [at] = [line.split()[1] for line in out.splitlines() if line.split()[:1] == [str(stroke)]]
    return at


@pytest.mark.parametrize("log", [SESSION, str(DATA / "session.kvi")], ids=["a-mark-first", "a-sample-first"])
def test_every_command_counts_seconds_from_one_moment(run, tmp_path, log):
    shown = [
        run("replay", log, "-o", tmp_path)[1],
        run("view", log)[1],
        run("explain", log, "--stroke", "12")[1],
    ]

    assert {begins(out, 12) for out in shown} == {"17.698" if log == SESSION else "17.208"}


def test_each_log_counts_its_own_seconds(run, tmp_path):
    logs = SESSION, DATA / "session.kvi"
    _, out, _ = run("replay", *logs, "-o", tmp_path)

    assert [begins(out, stroke) for stroke in (0, 12, 23, 35)] == ["0.489", "17.698", "0.000", "17.208"]
    assert begins(run("explain", *logs, "--stroke", "35")[1], 35) == "17.208"


def test_replay_json_is_the_summary(run, tmp_path):
    status, out, _ = run("replay", SESSION, "-o", tmp_path, "--json")

    assert status == 0
    assert json.loads(out) == json.loads((tmp_path / "summary.json").read_bytes())


def test_replay_delivers_to_the_configured_sinks(run, tmp_path):
    config = tmp_path / "capture.toml"
    config.write_text(
        f'[project]\nid = 8\n[[sinks]]\ntype = "file"\npath = "{tmp_path / "shop"}"\n', encoding="utf-8"
    )
    status, _, _ = run("replay", SESSION, "--config", config, "-o", tmp_path / "out")

    assert status == 0
    assert json.loads((tmp_path / "shop" / "batches.jsonl").read_bytes())["pid"] == 8
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_every_event_validates_against_the_printed_schema(run, tmp_path):
    _, schema, _ = run("schema")
    run("replay", SESSION, "-o", tmp_path)
    batch = json.loads((tmp_path / "batches.jsonl").read_bytes())
    validator = jsonschema.Draft202012Validator(json.loads(schema))
    validator.check_schema(json.loads(schema))
    validator.validate(batch)

    for key in ("pid", "uid", "dt", "os", "l", "tz", "now", "to", "r", "pl"):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({name: value for name, value in batch.items() if name != key})


# classify


def test_classify_writes_json_lines_in_record_order(run):
    status, out, err = run("classify", SESSION)
    found = [json.loads(line) for line in out.splitlines()]

    assert (status, err) == (0, "")
    assert found == expected_rows()
    assert list(found[0]) == list(FIELDS)


def test_classify_writes_csv_and_parquet(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("strokes.csv", "strokes.parquet", "strokes.jsonl"):
        assert run("classify", SESSION, "-o", tmp_path / name)[0] == 0
    with (tmp_path / "strokes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = expected_rows()

    assert list(rows[0]) == list(FIELDS)
    assert [(row["kind"], row["rage"], float(row["distance"])) for row in rows] == [
        (row["kind"], str(row["rage"]).lower(), row["distance"]) for row in expected
    ]
    assert parquet.read_table(tmp_path / "strokes.parquet").to_pylist() == expected
    assert [json.loads(line) for line in (tmp_path / "strokes.jsonl").read_bytes().splitlines()] == expected
    assert not list(tmp_path.glob("*.part"))


def test_what_is_not_finite_is_null(run, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "0,0,nan,1\n1,1000000,inf,1\n", encoding="utf-8")
    status, out, _ = run("classify", path)
    [record] = map(json.loads, out.splitlines())

    assert status == 0
    assert (record["kind"], record["reason"]) == ("none", "malformed")
    assert record["x_down"] is None


def test_records_of_several_logs_say_which_one_they_are_of(run, tmp_path):
    for name in "ba":
        (tmp_path / f"{name}.csv").write_text(HEADER + "0,0,1,1\n1,1000000,1,1\n", encoding="utf-8")
    _, out, _ = run("classify", tmp_path)

    records = [json.loads(line) for line in out.splitlines()]

    assert [next(iter(record)) for record in records] == ["log", "log"]
    assert [(Path(record["log"]).name, record["stream"]) for record in records] == [
        ("a.csv", 0),
        ("b.csv", 0),
    ]
    assert "log" not in json.loads(run("classify", tmp_path / "a.csv")[1])


def test_a_log_without_a_touch_gives_no_record(run, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEADER, encoding="utf-8")

    assert run("classify", path)[:2] == (0, "")


@pytest.mark.parametrize("dialect", ["parquet-without-metadata", "standard-input"])
def test_other_ways_in(dialect, tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    [chunk] = open_log(SESSION).chunks()
    if dialect == "standard-input":
        arguments, given = ["-"], Path(SESSION).read_bytes()
    else:
        rows = list(chunk.rows())
        names = ("stream", "pointer", "action", "time", "x", "y")
        types = (pa.int64(), pa.int32(), pa.uint8(), pa.int64(), pa.float32(), pa.float32())
        columns = [
            pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)
        ]
        parquet.write_table(pa.table(columns, names=names), tmp_path / "six.parquet")
        arguments, given = [str(tmp_path / "six.parquet"), "--density", "2.75"], b""
    done = subprocess.run(
        [sys.executable, "-m", "capture", "classify", *arguments],
        input=given,
        capture_output=True,
        check=True,
    )

    assert [json.loads(line) for line in done.stdout.splitlines()] == expected_rows()


@pytest.mark.parametrize("given", ["option", "configuration"])
def test_units_of_the_panel_are_said(run, tmp_path, given):
    config = tmp_path / "capture.toml"
    config.write_text("[project]\nid = 8\n[device]\ndensity = 2.75\n", encoding="utf-8")
    how = ["--density", "2.75"] if given == "option" else ["--config", config]
    log = DATA / "phone.getevent.txt"
    doubt = f"{log}: 1 x {CAUSES['panel_units']}\n"

    assert doubt in run("classify", log, *how)[2]
    assert doubt in run("replay", log, *how, "-o", tmp_path / "out")[1]
    assert doubt not in run("classify", log, *how, "--screen", "1080x2340")[2]


# convert


@pytest.mark.parametrize("suffix", list(_WRITERS))
def test_convert_writes_every_form_that_it_offers(run, tmp_path, suffix):
    path = tmp_path / f"log{suffix}"
    status, _, err = run("convert", SESSION, "-o", path)

    assert status == 0
    assert f"1053 samples -> {path}" in err
    assert sum(len(chunk) for chunk in open_log(path).chunks()) > 1000


@pytest.mark.parametrize("suffix", [".kvi", ".evemu"])
def test_what_holds_one_stream_refuses_two(run, tmp_path, suffix):
    path = tmp_path / f"both{suffix}"
    status, out, err = run("convert", SESSION, DATA / "phone.getevent.txt", "-o", path)

    assert (status, out) == (2, "")
    assert err == f"capture: {SESSION}: has several streams; this format holds one\n"
    assert not path.exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".touch.jsonl"])
def test_convert_then_read_gives_the_same_samples(run, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"log{suffix}"
    status, out, err = run("convert", SESSION, "-o", path)
    again = open_log(path)

    assert (status, out) == (0, "")
    assert f"1053 samples -> {path}" in err
    assert rows(again) == rows(open_log(SESSION))
    if suffix != ".csv":
        assert again.info.density == 2.75
        assert len(again.marks) == len(marks_of(SESSION))


def rows(log):
    return [row for chunk in log.chunks() for row in chunk.rows()]


def marks_of(path):
    log = open_log(path)
    for _ in log.chunks():
        pass
    return log.marks


def test_convert_joins_logs_as_streams(run, tmp_path):
    path = tmp_path / "both.touch.jsonl"
    status, out, _ = run("convert", SESSION, DATA / "session.kvi", "-o", path, "--json")
    joined = rows(open_log(path))

    assert status == 0
    assert json.loads(out)["samples"] == len(joined)
    assert {row[0] for row in joined} == {0, 1}
    assert {mark.stream for mark in marks_of(path)} == {0}


# currents


def test_currents_refuses_a_log_whose_times_are_not_since_the_epoch(run, tmp_path):
    status, _, err = run("currents", SESSION, "-o", tmp_path / "out", "--files", "json")

    assert status == 2
    assert "not since the epoch (the first is 5021.89 s); --start-time MS says when it began" in " ".join(
        err.split()
    )
    assert not list((tmp_path / "out").rglob("*.json"))


def test_replay_into_files_of_currents_records_refuses_it_too(run, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        '[project]\nid = 8\n[[sinks]]\ntype = "cloud_storage"\n'
        f'url = "{(tmp_path / "out").as_uri()}"\nformat = "json"\n'
    )
    status, _, err = run("replay", SESSION, "--config", config)
    begun, _, _ = run("replay", SESSION, "--config", config, "--start-time", "1700000000000")

    assert status == 2
    assert "--start-time MS says when it began" in " ".join(err.split())
    assert begun == 0
    assert not list((tmp_path / "out").rglob("date=1970*"))


@pytest.mark.parametrize("wrong", ["missing", "no-log"])
def test_currents_keeps_the_manifest_until_the_log_is_open(run, tmp_path, wrong):
    pytest.importorskip("fastavro")
    out = tmp_path / "out"
    assert run("currents", SESSION, *START, "-o", out)[0] == 0
    manifest = (out / "_manifest.txt").read_bytes()
    (tmp_path / "no-log").write_text("prose\n")
    status, _, err = run("currents", tmp_path / wrong, "-o", out)

    assert status == 2
    assert err.startswith(f"capture: {tmp_path / wrong}: ")
    assert (out / "_manifest.txt").read_bytes() == manifest
    assert run("currents", SESSION, *START, "-o", out)[0] == 0
    assert (out / "_manifest.txt").read_bytes() == manifest


def test_replay_keeps_the_batches_of_a_run_before_where_the_density_is_wrong(run, tmp_path):
    assert run("replay", SESSION, "-o", tmp_path)[0] == 0
    batches = (tmp_path / "batches.jsonl").read_bytes()
    log = tmp_path / "log.touch.jsonl"
    log.write_text('{"info":{"density":11}}\n')
    status, _, err = run("replay", log, "-o", tmp_path)

    assert (status, err) == (
        2,
        f"capture: {log}: density = 11.0: expected a number from 0.75 to 10 (px per dp)\n",
    )
    assert (tmp_path / "batches.jsonl").read_bytes() == batches


# diff


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "touch_slop_dp=abc",
            "gestures.touch_slop_dp = 'abc': expected a number, at least 0, at most 100000 (dp)",
        ),
        ("touch_slop_dp=-1", "gestures.touch_slop_dp = -1: expected a number, at least 0"),
        ("rage_tap_count=2.5", "gestures.rage_tap_count = 2.5: expected a whole number, at least 2"),
        ("unknown_responsive=maybe", "gestures.unknown_responsive = 'maybe': expected true or false"),
        (
            "velocity_strategy=fast",
            "gestures.velocity_strategy = 'fast': expected one of mean, lsq2, impulse",
        ),
        ("touch_slop_dp=50", "gestures.drag_distance_dp = 48.0: expected at least gestures.touch_slop_dp"),
    ],
)
def test_a_wrong_threshold_is_worded_as_in_a_configuration(run, change, said):
    status, out, err = run("diff", SESSION, "--set", change)

    assert (status, out) == (2, "")
    assert said.replace("number, at", "number at") in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("change", ["touch_slop_dp=40", "velocity_strategy=lsq2", "unknown_responsive=false"])
def test_thresholds_are_read_by_their_type(run, change):
    assert run("diff", SESSION, "--set", change)[0] == 0


def examples(command):
    """Return what the help of a command shows to do with the recording, word by word."""
    [shown] = [each.help for words, each, _ in commands() if words == f"capture {command}"]
    found = re.findall(rf"^Example: capture {command} session\.touch\.jsonl (.*)$", shown, re.MULTILINE)
    return [line.split() for line in found]


def test_the_example_of_diff_shows_a_change(run):
    [arguments] = examples("diff")
    _, out, _ = run("diff", SESSION, *arguments)

    assert int(re.search(r"^(\d+) of 23 strokes changed$", out, re.MULTILINE)[1]) > 0


def test_the_example_of_sweep_shows_different_rows(run):
    [arguments] = examples("sweep")
    _, out, _ = run("sweep", SESSION, *arguments, "--json")

    assert len({tuple(row.values())[1:] for row in json.loads(out)["rows"]}) > 1


def test_the_example_of_stats_reaches_every_step(run, tmp_path):
    pytest.importorskip("duckdb")
    [shown] = [each.help for words, each, _ in commands() if words == "capture stats"]
    run("replay", SESSION, "-o", tmp_path)
    _, out, _ = run("stats", tmp_path, "--funnel", re.search(r"--funnel (\S+)", shown)[1], "--json")

    assert [step["streams"] for step in json.loads(out)["funnel"]] == [1, 1, 1]


# collect


def test_collect_says_which_port_is_taken(run, tmp_path):
    with Collector() as other:
        port = other.url.rpartition(":")[2].partition("/")[0]
        status, out, err = run("collect", "--port", port, "-o", tmp_path / "received")

    assert (status, out) == (2, "")
    assert err == f"capture: port {port} of 127.0.0.1 cannot be used: Address already in use\n"
    assert not (tmp_path / "received").exists()


@pytest.mark.parametrize(
    ("numbers", "said"),
    [((), "0 batches, 0 events, 0 refused"), ((1,), "1 batch, 1 event, 0 refused")],
    ids=["none", "one"],
)
def test_collect_says_at_once_where_it_listens_and_counts(run, tmp_path, numbers, said):
    """In a process of its own: what is piped must not wait in a buffer."""
    run("replay", SESSION, "-o", tmp_path)
    batch = json.loads((tmp_path / "batches.jsonl").read_bytes())
    with subprocess.Popen(
        [sys.executable, "-m", "capture", "collect", "--port", "0"], stdout=subprocess.PIPE
    ) as process:
        url = process.stdout.readline().decode().split()[3]
        for _ in numbers:
            body = json.dumps({**batch, "pl": batch["pl"][:1]}).encode()
            with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:  # noqa: S310 - loopback
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().decode()

    assert rest == said + "\n"
    assert process.returncode == 130


# explain


def test_explain_says_why(run):
    status, out, _ = run("explain", SESSION, "--stroke", "12")

    assert status == 0
    assert "not recognised: farther than a tap may go and not far enough for a drag" in out
    assert "distance > 48 dp" in out


def test_explain_json_is_a_struct(run):
    _, out, _ = run("explain", SESSION, "--stroke", "19", "--json")
    found = json.loads(out)

    assert found["kind"] == found["by_measures"] == "tap"
    assert found["gesture"] == expected_rows()[19]
    assert [rival["kind"] for rival in found["rivals"]] == ["long_press", "drag", "fling", "none"]


def test_explain_of_a_stroke_that_is_not_there(run):
    status, out, err = run("explain", SESSION, "--stroke", "23")

    assert (status, out) == (2, "")
    assert "23: no such stroke; there are 23: 0 to 22" in err


# config


def test_a_new_configuration_is_in_order(run, tmp_path):
    path = tmp_path / "capture.toml"

    assert run("config", "init", path)[0] == 0
    assert run("config", "check", path)[:2] == (0, f"{path}: OK; project 1, sinks: none\n")
    status, _, err = run("config", "init", path)
    assert status == 2
    assert "exists already" in err


def test_everything_wrong_in_a_configuration_is_said(run, tmp_path):
    path = tmp_path / "capture.toml"
    path.write_text(
        '[project]\nid = -1\n[gestures]\ntouch_slop = 3\n[[sinks]]\ntype = "file"\npath = ""\n',
        encoding="utf-8",
    )
    status, _, err = run("config", "check", path)

    assert status == 2
    assert f"{path}: project.id = -1: expected a whole number at least 0" in err
    assert "did you mean 'touch_slop_dp'?" in err
    assert f"{path}: sinks.file.path = ''" in err
    assert "Traceback" not in err


def test_what_is_wrong_with_a_sink_names_its_key(run, tmp_path):
    path = tmp_path / "capture.toml"
    path.write_text('[project]\nid = 1\n[[sinks]]\ntype = "file"\nfolder = "x"\n', encoding="utf-8")
    status, _, err = run("config", "check", path)

    assert status == 2
    assert "sinks.file.folder: no such key" in err


def test_a_relative_path_is_looked_for_where_the_app_will_look(run, tmp_path, monkeypatch):
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "own.pem").write_text("a certificate", encoding="utf-8")
    path = folder / "capture.toml"
    sink = '[[sinks]]\ntype = "http"\nurl = "https://a.test/b"\nca = "own.pem"\n'
    path.write_text(f"[project]\nid = 1\n{sink}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    status, _, err = run("config", "check", path)
    monkeypatch.chdir(folder)

    assert (status, "no such file" in err) == (2, True)
    assert run("config", "check", path)[0] == 0


# the whole


def test_each_command_shows_an_example_in_its_help(run):
    for words, _, _ in commands():
        status, out, _ = run(*words.split()[1:], "--help")

        assert status == 0
        assert "Example: capture " in out, words


def test_without_a_command_the_help_is_shown(run):
    status, out, _ = run()

    assert status == 2
    assert "classify" in out


def test_the_version_is_that_of_the_package(run):
    status, out, _ = run("--version")

    assert status == 0
    built = f"Python {platform.python_version()}, {platform.machine()}, {KERNELS[0]} kernel"
    assert out == f"touchcapture 0.1.0 ({built})\n"


def test_the_version_as_json_names_the_machine_and_its_kernels(run):
    status, out, _ = run("--version", "--json")
    shown = json.loads(out)

    assert status == 0
    assert shown["version"] == "0.1.0"
    assert shown["python"] == platform.python_version()
    assert shown["machine"] == platform.machine()
    assert shown["kernel"] == shown["kernels"][0]
    assert shown["kernels"] == list(KERNELS)


def test_json_without_a_version_or_command_says_where_it_stands(run):
    status, out, err = run("--json")

    assert status == 2
    assert "--json goes with --version" in json.loads(out)["error"]
    assert "--json goes with --version" in err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("view nothing.txt --json", id="input"),
        pytest.param("replay nothing.txt -o out --json", id="work"),
        pytest.param("view nothing.txt --json --bogus", id="call"),
    ],
)
def test_a_failure_with_json_is_json(run, words):
    status, out, err = run(*words.split())
    failure = json.loads(out)

    assert failure["status"] == status == 2
    assert err == f"capture: {failure['error']}\n"


def test_a_replay_that_fails_prints_one_document(run, tmp_path):
    log = tmp_path / "letter.txt"
    log.write_text("Dear reader,\n")
    status, out, _ = run("replay", SESSION, log, "-o", tmp_path / "out", "--json")

    assert json.loads(out)["status"] == status
    assert json.loads((tmp_path / "out" / "summary.json").read_bytes())["strokes"] == 23


@pytest.mark.parametrize("words", ["cl", "classify --den"], ids=["command", "option"])
def test_words_are_completed(words):
    done = subprocess.run(
        [sys.executable, "-c", "from capture.__main__ import run; run()"],
        env=os.environ
        | {
            "COMP_WORDS": f"capture {words}",
            "COMP_CWORD": str(len(words.split())),
            "_CAPTURE_COMPLETE": "complete_bash",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == [{"cl": "classify", "classify --den": "--density"}[words]], done.stderr


def test_replay_with_speed_shows_strokes_as_they_end(run, tmp_path):
    status, out, err = run("replay", SESSION, "-o", tmp_path, "--speed", "1e6")
    rows = out.splitlines()

    assert (status, err) == (0, "")
    assert rows[0].split() == ["at", "(s)", "gesture", "direction", "ms", "dp", "dp/s", "why", "not"]
    assert rows[1].split() == ["0.489", "tap", "99", "0.4", "4"]
    assert len([row for row in rows[1:] if row.startswith("  ")]) == 23
    assert rows[-1].startswith("23 events in 1 session -> ")


def test_replay_with_speed_prints_nothing_but_json(run, tmp_path):
    status, out, _ = run("replay", SESSION, "-o", tmp_path, "--speed", "1e6", "--json")

    assert status == 0
    assert json.loads(out)["strokes"] == 23


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["replay"], id="no-log"),
        pytest.param(["replay", SESSION], id="nowhere-to-put-it"),
        pytest.param(["shout"], id="unknown-command"),
        pytest.param(["classify", SESSION, "--loud"], id="unknown-option"),
        pytest.param(["classify", SESSION, "--screen", "10"], id="screen"),
        pytest.param(["classify", SESSION, "--axis-max", "0,4"], id="axis-max"),
        pytest.param(["classify", SESSION, "--density", "11"], id="density"),
        pytest.param(["classify", SESSION, "--density", "nan"], id="density-nan"),
        pytest.param(["classify", SESSION, "--start-time", "-1"], id="start-time"),
        pytest.param(["classify", SESSION, "--format", "morse"], id="format"),
        pytest.param(["classify", SESSION, "--config", "missing.toml"], id="config"),
        pytest.param(["classify", SESSION, "-o", "strokes.txt"], id="suffix"),
        pytest.param(["classify", SESSION, "-o", "/no/such/folder/strokes.csv"], id="folder"),
        pytest.param(["convert", SESSION, "-o", "samples.txt"], id="convert-suffix"),
        pytest.param(["classify", SESSION, "--columns", "x=a"], id="columns"),
        pytest.param(["replay", SESSION, "-o", "out", "--speed", "0"], id="speed"),
        pytest.param(
            ["replay", SESSION, "-o", "out", "--speed", "1", "--start-time", "0"], id="speed-start-time"
        ),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "--columns" in arguments:
        arguments[1] = str(tmp_path / "log.csv")
        (tmp_path / "log.csv").write_text(HEADER, encoding="utf-8")
    status, out, err = run(*arguments)

    assert (status, out) == (2, "")
    assert err.startswith("capture: ")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.glob("*.part"))


def test_a_reader_that_has_enough_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "capture", "classify", *[SESSION] * 200],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()

    assert error == b""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_the_signs_ends_no_command(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "capture", "view", SESSION],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"23 strokes" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_has_the_same_values_in_every_encoding(encoding, tmp_path):
    (tmp_path / "c.toml").write_text(
        '[project]\nid = 1\n[[sinks]]\ntype = "file"\npath = "j\\u00f6\\u4e2d"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "capture", "config", "check", tmp_path / "c.toml", "--json"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=True,
    )

    assert json.loads(done.stdout)["sinks"][0]["options"]["path"] == "j\u00f6\u4e2d"


def test_names_in_files_are_those_of_the_enums():
    samples = TouchSamples(action=[0, 1, 0], time=[0, 1, 2], x=[0, 0, 0], y=[0, 0, 0])
    found = [gesture.to_dict() for gesture in classify(samples)]

    assert [each["kind"] for each in found] == [GestureKind.TAP.name.lower(), GestureKind.NONE.name.lower()]
    assert found[1]["reason"] == Reason.INCOMPLETE.name.lower()


def test_the_process_ends_in_order_with_pyarrow_loaded():
    script = (
        "import atexit, sys, pyarrow; atexit.register(print, 'registered');"
        "sys.argv = ['capture', '--version']; from capture.__main__ import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert [line.split()[0] for line in done.stdout.splitlines()] == ["touchcapture", "registered"]
