"""What happens to files later: merges, retention, imports, and users who are forgotten."""

import errno
import gzip
import json
import os
import re
import signal
import tracemalloc
import uuid
import warnings

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("fastavro")
pytest.importorskip("pyarrow")

import fastavro
import pyarrow.parquet as pq
from gateway_kit import (
    ENVIRON,
    HOUR_MS,
    NOW_MS,
    USER,
    batch,
    configure,
    event,
    journal,
    journal_lines,
    query,
    record,
    write,
)

from capture.cli import run as cli
from capture.errors import StoreError
from capture.gateway import steps, unit
from capture.gateway.config import GatewayConfig
from capture.gateway.imports import import_files
from capture.gateway.state import totals
from capture.gateway.upkeep import compact, delete_old, forget
from capture.gateway.writer import Writer

OTHER = str(uuid.UUID(int=77))
LATER_MS = NOW_MS + 3 * HOUR_MS


def fail_at(name):
    def call(step):
        if step == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return call


@pytest.fixture
def path(tmp_path, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return configure(tmp_path)


@pytest.fixture
def config(path):
    return GatewayConfig.load(path, environ=ENVIRON)


@pytest.fixture
def writer(config):
    made = Writer(config)
    yield made
    made.close()


def parquet(config):
    return sorted((config.output_folder / "events").rglob("*.parquet"))


def numbers(config):
    return sorted(row[0] for row in query(config, "SELECT uptime_ms FROM EVENTS"))


def filled(config, count=5):
    for number in range(count):
        journal(config, batch(event(2 * number), event(2 * number + 1), user=USER if number % 2 else OTHER))
    write(config)


# Merging


def test_the_files_of_an_hour_become_one(config, writer):
    filled(config)
    before = sorted(query(config, "SELECT * FROM EVENTS"))

    assert compact(writer, config, NOW_MS) == 0  # the hour is not over
    assert compact(writer, config, LATER_MS) >= 3  # an hour may end between two segments
    assert sorted(query(config, "SELECT * FROM EVENTS")) == before
    counted = totals(config.state_folder)
    assert (counted["rows_total", ""], counted["files_total", ""]) == (10, len(parquet(config)))
    assert compact(writer, config, LATER_MS) == 0
    journal(config, batch(event(1), event(99)))
    [report] = write(config)
    assert (report.rows, report.duplicates) == (1, 1)


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda writer, config: compact(writer, config, LATER_MS), id="merged"),
        pytest.param(lambda writer, config: forget(writer, config, 8, [OTHER]), id="without a user"),
    ],
)
def test_a_file_keeps_its_columns_when_it_is_rewritten(config, writer, rewrite):
    # The names of its folders are none of them: readers of partitions add those, with types of their own.
    for start in (0, 2):
        journal(config, batch(event(start)), batch(event(start + 1), user=OTHER))
    write(config)
    columns = pq.read_schema(parquet(config)[0]).names

    assert rewrite(writer, config)
    assert [pq.read_schema(path).names for path in parquet(config)] == [columns] * len(parquet(config))


def test_merged_files_keep_to_the_size(path, tmp_path):
    path.write_text(path.read_text() + "[output]\ntarget_bytes = 1\n")
    config = GatewayConfig.load(path, environ=ENVIRON)
    filled(config)
    writer = Writer(config)
    assert compact(writer, config, LATER_MS) == 0
    writer.close()


@pytest.mark.parametrize("form", ["avro", "jsonl"])
def test_records_are_merged_without_being_in_memory_at_once(tmp_path, form):
    config = GatewayConfig.load(configure(tmp_path, output={"format": form}), environ=ENVIRON)
    text = json.dumps({"long": "x" * 8000})
    for start in (0, 1000):
        records = [record(start + number, properties=text) for number in range(1000)]
        journal(config, *[{"events": records[at : at + 100]} for at in range(0, 1000, 100)])
    write(config)
    writer = Writer(config)
    tracemalloc.start()

    compact(writer, config, LATER_MS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    writer.close()
    size = sum(path.stat().st_size for path in (config.output_folder / "events.currents").rglob("*.*"))
    assert peak < size / 4


@pytest.mark.parametrize("step", [name for name in steps.STEPS if name.startswith("swap.")])
def test_a_merge_killed_at_any_step_loses_and_doubles_nothing(config, step):
    filled(config)

    def merge(kill):
        def stop(name):
            if kill and name == step:
                os.kill(os.getpid(), signal.SIGKILL)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            try:
                steps.on_step.append(stop)
                writer = Writer(config)
                compact(writer, config, LATER_MS)
                writer.close()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert merge(kill=True) == -signal.SIGKILL
    assert merge(kill=False) == 0
    assert numbers(config) == list(range(10))


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_a_damaged_file_stops_neither_a_merge_nor_forgetting(config, writer, caplog, kind):
    journal(config, batch(event(0), user=OTHER), {"events": [record(0, user=OTHER)]})
    write(config)
    [damaged] = config.output_folder.rglob(f"*.{kind}")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    for number in (1, 2, 3):
        journal(config, batch(event(number), user=OTHER), {"events": [record(number, user=OTHER)]})
        write(config)

    assert compact(writer, config, LATER_MS) == 3
    assert damaged.name in caplog.text
    with pytest.raises(StoreError, match=re.escape(damaged.name)):
        forget(writer, config, 8, [OTHER])
    assert set(config.output_folder.glob("events/**/*.parquet")) <= {damaged}


def test_old_files_are_deleted(config, writer):
    filled(config)

    assert delete_old(writer, None, LATER_MS + 10**11) == 0
    assert delete_old(writer, 30, LATER_MS) == 0
    assert delete_old(writer, 30, NOW_MS + 31 * 24 * HOUR_MS) == 5
    assert parquet(config) == []


# Importing


def test_importing_twice_changes_nothing(config, tmp_path, capsys, path):
    lines = [json.dumps(batch(event(n), event(n + 100, ea=3))).encode() for n in range(3)]
    plain, packed = tmp_path / "batches.jsonl", tmp_path / "batches.jsonl.gz"
    plain.write_bytes(b"\n".join([*lines, b"no batch", json.dumps(batch(event(1), project=77)).encode()]))
    packed.write_bytes(gzip.compress(b"\n".join(lines)))

    assert cli(["gateway", "import", str(plain), str(packed), "--config", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == "6 events in 6 batches; written: 3, there before: 3, quarantined: 6, refused: 2\n"
    assert f"{plain}:4: " in err
    assert "project 77 is not in the configuration" in err
    assert cli(["gateway", "import", str(packed), "--config", str(path)]) == 0
    assert "written: 0, there before: 3" in capsys.readouterr().out
    assert numbers(config) == [0, 1, 2]


def test_currents_files_of_a_device_are_imported(config, tmp_path, path):
    pytest.importorskip("obstore")
    from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

    records = [record(number) for number in range(700)]
    for ending in ("avro", "json"):
        CloudStorageSink(CloudStorageSettings(url=str(tmp_path / ending), format=ending)).write(records)
    files = [*(tmp_path / "avro").rglob("*.avro"), *(tmp_path / "json").rglob("*.json")]
    found = import_files(config, files, 8)

    assert (found.events, found.refused) == (1400, [])
    [report] = write(config)
    assert (report.rows, report.duplicates) == (700, 700)


def test_an_import_on_a_full_disk_says_so(config, tmp_path, monkeypatch):
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(batch(event(n))) for n in range(250)))
    monkeypatch.setattr(steps, "on_step", [fail_at("journal.write")])
    with pytest.raises(OSError, match="No space"):
        import_files(config, [tmp_path / "b.jsonl"])


def test_what_came_over_http_and_by_file_is_there_once(config, tmp_path):
    journal(config, batch(event(1), event(2)))
    write(config)
    (tmp_path / "a.jsonl").write_text(json.dumps(batch(event(2), event(3))))
    import_files(config, [tmp_path / "a.jsonl"])
    [report] = write(config)

    assert (report.rows, report.duplicates) == (1, 1)


# Forgetting


def contents(folder):
    """Yield the unpacked bytes of every file."""
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield data
            if path.name.endswith(".gz"):
                yield gzip.decompress(data)
            elif path.suffix == ".avro":
                with path.open("rb") as file:
                    yield json.dumps(list(fastavro.reader(file))).encode()


def test_a_forgotten_user_is_in_no_file(config, writer, path, capsys, tmp_path):
    filled(config)
    journal(
        config,
        batch(event(50), event(51, ea=3, tvp=OTHER), user=OTHER),
        {"events": [record(1, user=OTHER, external_user_id="anna@example.org"), record(2)]},
    )
    write(config)
    journal(config, batch(event(60), user=OTHER))  # not yet written
    kept = sorted(row for row in query(config, "SELECT * FROM EVENTS") if row[1] == USER)
    report = forget(writer, config, 8, ["anna@example.org"])

    assert (report.users, report.open_segments) == (2, 0)
    assert sorted(query(config, "SELECT * FROM EVENTS")) == kept
    assert not any(OTHER.encode() in data or b"anna@" in data for data in contents(tmp_path))
    journal(
        config, batch(event(70), user=OTHER), {"events": [record(9, external_user_id="anna@example.org")]}
    )
    [late] = write(config)
    assert (late.rows, late.forgotten) == (0, 2)
    assert sorted(query(config, "SELECT * FROM EVENTS")) == kept
    assert cli(["gateway", "forget", "--project", "8", OTHER, "--config", str(path)]) == 0
    assert "0 rows in 0 files" in capsys.readouterr().out


JO = {"user": OTHER, "external_user_id": "ACME\\jö"}
BAD = [
    pytest.param(batch(event(1), event(2, ea=99), user=OTHER), id="native"),
    pytest.param({"events": [record(1, name=5, **JO), record(2, **JO)]}, id="currents"),
    pytest.param({"events": [record(1, mail="new", **JO)]}, id="unknown-field"),
]


def quarantined(config):
    paths = (config.output_folder / "quarantine").rglob("*.gz")
    return [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.mark.parametrize("bad", BAD)
def test_a_forgotten_user_is_not_in_the_quarantine_and_does_not_come_back(config, writer, bad):
    journal(config, bad, {"events": [record(7, **JO)]}, {"events": [record(8, name=5)]})
    write(config)
    of_others = [line for line in quarantined(config) if OTHER.encode() not in line]
    forget(writer, config, 8, [JO["external_user_id"]])
    assert len(of_others) == 1
    assert quarantined(config) == of_others
    journal(config, bad)
    [late] = write(config)
    assert (late.quarantined, quarantined(config)) == (0, of_others)


def test_the_user_of_a_batch_with_many_bad_events_is_read_once(config, monkeypatch):
    found = []
    monkeypatch.setattr(unit, "users_of", lambda batch: found.append(batch["uid"]) or [])
    journal(config, batch(*(event(number, ea=99) for number in range(500))))
    write(config)
    assert (found, len(quarantined(config))) == ([USER], 500)


@pytest.mark.parametrize("ending", ["avro", "jsonl"])
@pytest.mark.parametrize(("project", "user"), [(8, "42"), (9, "#42#")], ids=["a-part", "another-project"])
def test_who_has_a_like_id_is_not_forgotten(tmp_path, project, user, ending):
    path = configure(tmp_path, output={"format": ending})
    path.write_text(path.read_text().replace('wires = ["native"]', ""))
    config = GatewayConfig.load(path, environ=ENVIRON)
    of_others = [record(1, external_user_id="#42#"), record(2, external_user_id="#42#", name=5)]
    journal(config, {"events": of_others})
    write(config)
    before = sorted(each for each in contents(config.output_folder) if b"#42#" in each)
    writer = Writer(config)
    assert forget(writer, config, project, [user]).rows == 0
    writer.close()
    assert sorted(each for each in contents(config.output_folder) if b"#42#" in each) == before


def test_a_user_whose_id_waits_in_the_journal_is_forgotten_by_the_hosts_id(config, writer):
    journal(config, {"events": [record(1, **JO)]}, batch(event(1), user=OTHER))
    assert forget(writer, config, 8, [JO["external_user_id"]]).users == 2
    journal(config, batch(event(2), user=OTHER))
    assert [report.forgotten for report in write(config)] == [1]


def made(config):
    """Return path -> the file's number and time of change, of the files of events."""
    found = (path for path in config.output_folder.glob("events*/**/*") if path.is_file())
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_to_forget_nobody_changes_no_file(config, writer):
    filled(config, 2)
    journal(config, {"events": [record(9)]})
    assert len(write(config)) == 1
    before = made(config)
    report = forget(writer, config, 8, [])
    assert (report.users, report.files, report.rows) == (0, 0, 0)
    assert len(before) == 3
    assert made(config) == before


def test_status(config, path, capsys):
    filled(config, 2)
    journal(config, batch(event(9)))
    assert cli(["gateway", "status", "--config", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert (found["segments"], found["files_total"], found["rows_total"]) == (1, 2, 4)
    assert found['events_written_total{project="8"}'] == 4
    names = list(found)
    assert names.index("files_total") < names.index("file_bytes") < names.index("rows_total")
    assert cli(["gateway", "write", "--once", "--config", str(path)]) == 0
    assert cli(["gateway", "status", "--config", str(path)]) == 0
    assert "rows_total" in capsys.readouterr().out
    assert journal_lines(path.parent) == []
    assert cli(["gateway", "compact", "--config", str(path)]) == 0


def test_the_status_of_a_damaged_database_names_it(config, path):
    filled(config, 1)
    database = config.state_folder / "state.db"
    database.write_bytes(b"no database, " * 100)

    with pytest.raises(StoreError, match=rf"{database}: file is not a database"):
        cli(["gateway", "status", "--config", str(path)])
