"""The writer: every event once, whatever ends the process, whoever sends it again."""

import errno
import gzip
import json
import os
import random
import signal
import uuid
import warnings

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("fastavro")
pytest.importorskip("pyarrow")

import fastavro
import numpy as np
from gateway_kit import ENVIRON, HOUR_MS, NOW_MS, batch, configure, event, journal, query, record, write

from capture.gateway import steps
from capture.gateway.config import GatewayConfig
from capture.gateway.ids import Ids, Keys
from capture.gateway.journal import lines_of, segments
from capture.gateway.state import State
from capture.gateway.writer import Writer
from capture.store import locks

DAY_MS = 24 * HOUR_MS


@pytest.fixture
def config(tmp_path):
    return GatewayConfig.load(configure(tmp_path), environ=ENVIRON)


def numbers(config):
    return sorted(row[0] for row in query(config, "SELECT uptime_ms FROM EVENTS"))


def test_members_have_folders_of_their_own_and_say_where_there_are_no_locks(tmp_path, monkeypatch):
    first, second = State.of_member(tmp_path), State.of_member(tmp_path)
    assert second.folder.name == "1"
    first.close()
    second.close()

    def fail(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", fail)
    with pytest.raises(OSError, match="No locks available"):
        State.of_member(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_events_become_sorted_rows(config):
    other = str(uuid.UUID(int=2**127))
    journal(
        config,
        batch(event(3, t=NOW_MS + 2), event(1, t=NOW_MS + 1)),
        batch(event(5, ea=19, k="level", v=7), event(6, ea=18, k="name", v="x\u0000é"), user=other, zz=1),
        batch(event(7, ea=6, tvp="[root]>", tvid="", ur=True, yy=[1]), user=other),
    )
    [report] = write(config)

    assert (report.rows, report.duplicates, report.quarantined, report.damaged_bytes) == (5, 0, 0, 0)
    text = "SELECT user_id, event_name, uptime_ms, key, text, number, extra, header_extra FROM EVENTS"
    rows = [list(row) for row in query(config, text)]
    assert [row[2] for row in rows[:2]] == [1, 3]
    assert {tuple(row[1:]) for row in rows[2:]} == {
        ("number_variable", 5, "level", None, 7, None, '{"zz":1}'),
        ("string_variable", 6, "name", "x\u0000é", None, None, '{"zz":1}'),
        ("tap", 7, None, None, None, '{"yy":[1]}', None),
    }
    text = "SELECT event_id, epoch_ms(time), project_id, skew_ms FROM EVENTS WHERE uptime_ms = 3"
    [(euid, t, project, skew)] = query(config, text)
    assert (str(euid), t, project, skew) == (event(3)["euid"], NOW_MS + 2, 8, 0)
    assert segments(config.journal_folder) == []
    assert [path.stat().st_mode & 0o777 for path in config.output_folder.rglob("*.parquet")] == [0o600]


def test_every_event_of_the_wire_has_its_name(config):
    from typing import get_args

    from capture.formats import native

    tags = {kind.__struct_config__.tag for kind in get_args(native.WireEvent)}
    more = {
        4: {}, 6: {"tvp": "a", "tvid": "", "ur": False}, 8: {"tvp": "a", "tvid": ""},
        **{kind: {"tvp": "a", "tvid": "", "fd": 1, "tvd": 2, "tvv": 3} for kind in (9, 10)},
        16: {"tr": {"vl": 1.5, "cu": 978}}, 18: {"k": "a", "v": "b"}, 19: {"k": "a", "v": 1},
    }  # fmt: skip
    journal(config, batch(*(event(tag, ea=tag, **more.get(tag, {})) for tag in tags)))
    write(config)

    assert {name for (name,) in query(config, "SELECT event_name FROM EVENTS")} == {
        "app_start", "app_show", "app_hide", "screen_view", "tap", "long_press", "drag", "fling",
        "transaction", "string_variable", "number_variable",
    }  # fmt: skip


def test_bad_events_are_in_the_quarantine_with_their_reason(config):
    journal(config, batch(event(1), event(2, ea=3), event(3, scn="x")), batch(event(4, t=2**62)))
    [report] = write(config)

    assert (report.rows, report.quarantined) == (1, 3)
    [path] = (config.output_folder / "quarantine").rglob("*.gz")
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    reasons = [line["reason"] for line in lines[:2]]
    assert reasons == ["Invalid value 3 - at `$.ea`", "Expected `int`, got `str` - at `$.scn`"]
    assert json.loads(lines[2]["batch"])["pl"][0]["t"] == 2**62


def test_currents_records_become_avro_files_in_the_documented_layout(config):
    journal(config, {"events": [record(1), record(2, zz=5)]}, {"events": [record(2), record(3)]})
    journal(config, {"events": [record(4)]})
    write(config)

    paths = sorted((config.output_folder / "events.currents").rglob("*.avro"))
    assert [path.name[-18:] for path in paths] == ["+0+0000000000.avro", "+0+0000000003.avro"]
    assert "/event_type=users.behaviors.CustomEvent/date=" in str(paths[0])
    found = []
    for path in paths:
        with path.open("rb") as file:
            found += [row["id"] for row in fastavro.reader(file)]
    assert found == [record(number)["id"] for number in (1, 2, 3, 4)]


# Copies


def test_copies_are_left_out_wherever_they_come_from(config):
    journal(config, batch(event(1), event(2), event(1)), batch(event(2), event(3)))
    journal(config, batch(event(3), event(4)), batch(event(1), st="more"))
    reports = write(config)

    assert numbers(config) == [1, 2, 3, 4]
    assert [(each.rows, each.duplicates) for each in reports] == [(3, 2), (1, 2)]
    assert [each.conflicts for each in reports] == [0, 0]


def test_both_wires_and_projects_keep_their_own(config):
    journal(config, batch(event(1)), {"events": [record(1)]})
    journal(config, batch(event(1), project=9), project=9)
    assert [(each.rows, each.duplicates) for each in write(config)] == [(2, 0), (1, 0)]


def test_an_id_with_other_bytes_is_counted(config):
    titles = [f"title {number}" for number in range(8)]
    journal(config, batch(event(1)))
    journal(config, batch(*(event(1, st=title) for title in titles)))
    _, report = write(config)

    assert report.duplicates == 8
    assert report.conflicts >= 5  # one in sixteen looks alike


@pytest.mark.parametrize("days", [0, 31, 33, 400])
@pytest.mark.parametrize("later", [0, 20, 31])
def test_copies_of_old_and_future_events(config, days, later):
    """The clock moves on between the copies; what was near becomes far, and the reverse."""
    times = [NOW_MS - days * DAY_MS, NOW_MS + days * DAY_MS]
    journal(config, batch(*(event(number, t=t) for number, t in enumerate(times))))
    write(config)
    journal(config, batch(*(event(number, t=t) for number, t in enumerate(times))))
    [report] = write(config, wall_ms=lambda: NOW_MS + later * DAY_MS)

    assert (report.rows, report.duplicates) == (0, 2)


def test_ids_are_forgotten_after_the_window(config):
    journal(config, batch(event(1)))
    write(config)
    journal(config, batch(event(2, t=NOW_MS + 33 * DAY_MS)))
    write(config, wall_ms=lambda: NOW_MS + 33 * DAY_MS)
    state = State(config.output_folder)
    assert state.db.execute("SELECT count(*), min(received) FROM ids").fetchall() == [
        (1, NOW_MS + 33 * DAY_MS)
    ]
    state.close()


def keys(values, times=None, marks=None):
    count = len(values)
    return Keys(
        np.array([value >> 64 for value in values], np.uint64),
        np.array([value & (2**64 - 1) for value in values], np.uint64),
        np.zeros(count, np.int64) + NOW_MS if times is None else np.array(times, np.int64),
        np.zeros(count, np.uint8) if marks is None else np.array(marks, np.uint8),
    )


def test_the_index_agrees_with_a_set(tmp_path, monkeypatch):
    """Random ids of few values in many rounds, with halves in common, in the database and in files."""
    monkeypatch.setattr("capture.gateway.ids._MOST_IN_DATABASE", 300)
    state, chance, known = State(tmp_path), random.Random(1), set()
    for _ in range(60):
        ids = Ids(state, 32)
        hours = [chance.randrange(3) for _ in range(200)]
        values = [chance.randrange(1, 40) << 64 | chance.randrange(200) for _ in hours]
        with state.unit():
            found = ids.find(8, "native", keys(values, [NOW_MS - hour * HOUR_MS for hour in hours]), NOW_MS)
            with state.transaction():
                ids.commit(NOW_MS)
            ids.sweep()
        expected = []
        for key in zip(values, hours, strict=True):
            expected.append(key in known)
            known.add(key)
        assert found.is_copy.tolist() == expected
        assert found.conflicts == 0
    assert list((tmp_path / "ids").iterdir())
    rows = state.db.execute("SELECT count(*), sum(count) FROM ids").fetchone()
    assert rows[0] <= 3 * 3 * 7
    assert rows[1] == len(known)
    state.close()


# Damage


def damaged_copies(data, count):
    chance = random.Random(2)
    for _ in range(count):
        place = chance.randrange(len(data))
        if chance.random() < 0.3:
            yield data[:place]
        else:
            yield data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def test_only_whole_lines_come_out_of_a_damaged_segment(config, tmp_path):
    journal(config, *(batch(event(10 * number + 1), event(10 * number + 2)) for number in range(6)))
    [path] = segments(config.journal_folder)
    whole = {bytes(text) for _, text in lines_of(path)}
    assert len(whole) == 6
    data = path.read_bytes()
    copy = tmp_path / "copy.jsonl.gz"
    for number, wrong in enumerate(damaged_copies(data, 10_000 if os.environ.get("CAPTURE_SOAK") else 600)):
        copy.write_bytes(wrong)
        lost = []
        found = [text for _, text in lines_of(copy, lost.append)]
        assert whole.issuperset(found), number
        # A bit that nobody reads, such as the time in a header, loses nothing.
        assert len(found) == 6 or lost or len(wrong) < len(data)
        assert len(found) >= 5 or len(wrong) < len(data)


def test_the_writer_goes_on_after_damage(config):
    journal(config, *(batch(event(number)) for number in range(5)))
    [path] = segments(config.journal_folder)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff" + data[len(data) // 2 + 1 :])
    journal(config, batch(event(9)))
    first, second = write(config)

    assert first.rows == 4
    assert first.damaged_bytes > 0
    assert (second.rows, second.damaged_bytes) == (1, 0)


# Kills at every step


def in_a_child(action):
    """Run an action in a forked process; return how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_at(name, times):
    left = [times]

    def stop(step):
        if step == name:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    steps.on_step.append(stop)


WRITER_STEPS = [name for name in steps.STEPS if name.startswith("writer.")]


def filled(config):
    for start in (0, 10):
        journal(
            config, batch(event(start), event(start + 1), event(start + 2, ea=3)), {"events": [record(start)]}
        )
    journal(config, batch(event(0), event(20)))


def outcome(config):
    """Return the events of all files: lost ones are missing, copies are there twice."""
    records = []
    for path in sorted((config.output_folder / "events.currents").rglob("*.avro")):
        with path.open("rb") as file:
            records += [row["id"] for row in fastavro.reader(file)]
    bad = sum(
        len(gzip.decompress(path.read_bytes()).splitlines())
        for path in (config.output_folder / "quarantine").rglob("*.gz")
    )
    return numbers(config), sorted(records), bad


RIGHT = [0, 1, 10, 11, 20], [record(0)["id"], record(10)["id"]], 2


def killed(config, step, times, mutate=lambda: None):
    """Write with a kill at a step, then to the end; return what is in the files."""

    def first():
        mutate()
        kill_at(step, times)
        write(config)

    assert in_a_child(first) == -signal.SIGKILL
    assert in_a_child(lambda: write(config)) == 0
    return outcome(config)


@pytest.mark.parametrize("step", WRITER_STEPS)
@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_writer_killed_at_any_step_loses_and_doubles_nothing(config, step, times):
    filled(config)
    if times == 4 and step not in {"writer.written", "writer.renamed"}:
        times = 3

    assert killed(config, step, times) == RIGHT


def unlink_before_commit(config):
    def mutate():
        steps.on_step.append(
            lambda step: step == "writer.commit" and [p.unlink() for p in segments(config.journal_folder)[:1]]
        )

    return mutate


def ids_before_files():
    save = Writer._save

    def early(self, file):
        with self.state.transaction() as db:
            self.ids.commit(NOW_MS)
            db.execute("DELETE FROM swaps")
        return save(self, file)

    Writer._save = early


@pytest.mark.parametrize(
    ("mutant", "step"),
    [("unlink before commit", "writer.commit"), ("ids before files", "writer.renamed")],
)
def test_planted_faults_are_caught(config, mutant, step):
    filled(config)
    mutate = unlink_before_commit(config) if mutant == "unlink before commit" else ids_before_files

    assert killed(config, step, 1, mutate) != RIGHT
