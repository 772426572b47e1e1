"""``capture buffer``: looks at a store, and mends it."""

import json
import os

import msgspec
import pytest

from capture import Capture, ProjectConfig, RunConfig
from capture.__main__ import main
from capture.config import BufferConfig
from capture.errors import StoreError
from capture.formats import native
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import buffer


@pytest.fixture
def run(capfd):
    def call(*arguments):
        status = main([str(each) for each in arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return call


@pytest.fixture
def store(tmp_path):
    """Folder of a store with an event that was refused, and three that are pending."""
    folder = tmp_path / "store"
    config = RunConfig(project=ProjectConfig(id=8), buffer=BufferConfig(path=str(folder)))
    sink = MemorySink("shop", answers=lambda _: Answer(Outcome.REFUSED, "HTTP 422"))
    with Capture(config, sinks=[sink]) as cap:
        cap.opt_in()
        cap.app_start()
        cap.flush(5)
    sink = MemorySink("shop", answers=lambda _: Answer(Outcome.UNAVAILABLE, "HTTP 401"))
    with Capture(config, sinks=[sink]) as cap:
        for name in ("One", "Two"):
            cap.screen_view(name)
    return folder


def test_status_counts_by_sink(run, store):
    status, out, _ = run("buffer", "status", store, "--json")
    [queue] = json.loads(out)["queues"]

    assert status == 0
    assert (queue["name"], queue["pending"], queue["dead_letters"]) == ("shop", 3, 1)
    assert "shop" in run("buffer", "status", store)[1]


def test_the_store_of_a_configuration_is_found(run, store, tmp_path):
    config = tmp_path / "capture.toml"
    config.write_text(f'[project]\nid = 8\n[buffer]\npath = "{store}"\n', encoding="utf-8")

    assert (
        run("buffer", "status", "--config", config, "--json")[1]
        == run("buffer", "status", store, "--json")[1]
    )


def test_export_writes_events_as_they_would_be_sent(run, store, tmp_path):
    _, out, _ = run("buffer", "export", store)
    pending = [json.loads(line) for line in out.splitlines()]
    run("buffer", "export", store, "--dead", "-o", tmp_path / "dead.jsonl")
    [dead] = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_bytes().splitlines()]

    assert [row["payload"].get("st") for row in pending] == [None, "One", "Two"]
    assert [row["payload"]["euid"] for row in pending] == [row["event_id"] for row in pending]
    assert dead["payload"]["ea"] == 0


def test_retry_makes_dead_letters_pending(run, store):
    assert run("buffer", "retry", store)[:2] == (0, "1 event pending again\n")
    [queue] = json.loads(run("buffer", "status", store, "--json")[1])["queues"]

    assert (queue["pending"], queue["dead_letters"]) == (4, 0)


def test_purge_wants_to_be_sure(run, store):
    assert run("buffer", "purge", store)[0] == 2
    assert json.loads(run("buffer", "purge", store, "--dead", "--yes", "--json")[1]) == {"purged": 1}
    assert json.loads(run("buffer", "purge", store, "--yes", "--json")[1]) == {"purged": 3}
    assert run("buffer", "export", store)[1] == ""


@pytest.mark.parametrize("command", ["status", "retry", "export"])
def test_where_there_is_no_store(run, tmp_path, command):
    status, out, err = run("buffer", command, tmp_path)

    assert (status, out) == (1, "")
    assert "there is no store" in err


def test_no_place_was_named(run):
    status, _, err = run("buffer", "status")

    assert status == 2
    assert "--config" in err


def test_a_run_configuration_in_place_of_the_folder(run, tmp_path):
    config = tmp_path / "capture.toml"
    config.touch()
    status, out, err = run("buffer", "status", config)

    assert (status, out) == (2, "")
    assert f"{config}: expected a folder of a store; a run configuration needs --config" in err


def test_a_queue_that_is_not_there(run, store):
    status, out, err = run("buffer", "retry", store, "--queue", "nope")

    assert (status, out) == (2, "")
    assert f"queue = 'nope': {store} has no such queue; known are shop" in err


def test_a_store_in_the_home_folder_of_nobody(run, tmp_path):
    config = tmp_path / "capture.toml"
    config.write_text('[project]\nid = 8\n[buffer]\npath = "~nosuchuser/x"\n', encoding="utf-8")
    status, _, err = run("buffer", "status", "--config", config)

    assert status == 2
    assert f"{config}: buffer.path = '~nosuchuser/x': expected a path; that home folder is not known" in err


def test_whole_batches_can_be_exported(run, store, tmp_path):
    config = tmp_path / "capture.toml"
    config.write_text(f'[project]\nid = 8\n[buffer]\npath = "{store}"\nbatch_size = 2\n', encoding="utf-8")
    status, out, _ = run("buffer", "export", "--config", config, "--batches")
    batches = [native.decode(line) for line in out.encode().splitlines()]
    run("buffer", "export", "--config", config, "--batches", "-o", tmp_path / "batches.jsonl")

    assert status == 0
    assert [len(batch.events) for batch in batches] == [2, 1]
    with Capture(RunConfig.load(config)) as cap:
        assert {(batch.project_id, batch.user_id) for batch in batches} == {(8, cap.user_id)}
    assert len((tmp_path / "batches.jsonl").read_bytes().splitlines()) == 2
    assert "expected no --dead, and --config" in run("buffer", "export", store, "--batches")[2]


@pytest.mark.parametrize("form", [[], ["--batches"]], ids=["events", "batches"])
def test_an_export_that_fails_leaves_the_earlier_one(run, store, tmp_path, monkeypatch, form):
    exported = buffer.export

    def failing(*arguments, **options):
        for number, event in enumerate(exported(*arguments, **options)):
            if number == 2:
                raise StoreError("cannot be read")
            yield msgspec.structs.replace(event, session=number)

    monkeypatch.setattr(buffer, "export", failing)
    config, output = tmp_path / "capture.toml", tmp_path / "pending.jsonl"
    config.write_text("[project]\nid = 8\n", encoding="utf-8")
    output.write_text("an earlier export\n", encoding="utf-8")
    status, _, err = run("buffer", "export", store, "--config", config, *form, "-o", output)

    assert (status, "cannot be read" in err) == (1, True)
    assert output.read_text(encoding="utf-8") == "an earlier export\n"


def test_an_export_to_a_link_or_a_pipe_leaves_it_there(run, store, tmp_path):
    file, link, pipe = (tmp_path / name for name in ("pending.jsonl", "link.jsonl", "pipe"))
    link.symlink_to(file)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    assert run("buffer", "export", store, "-o", link)[0] == 0
    assert run("buffer", "export", store, "-o", pipe)[0] == 0
    assert link.is_symlink()
    assert pipe.is_fifo()
    with os.fdopen(reader, "rb") as piped:
        assert piped.read() == file.read_bytes()
