"""The state of each sink, as commands and other processes of an app see it."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from capture import Capture
from capture.__main__ import main
from capture.config import BufferConfig, DeliveryConfig, PrivacyConfig, ProjectConfig, RunConfig
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import buffer


def open_capture(folder, sink):
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(folder)),
        privacy=PrivacyConfig(opted_in=True),
        delivery=DeliveryConfig(shutdown_timeout_s=0.0),
    )
    return Capture(config, sinks=[sink])


def queue(folder):
    [found] = buffer.status(folder).queues
    return found


def test_sinks_that_were_configured_later_are_listed(tmp_path):
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
    )
    with Capture(config) as cap:
        cap.track_variable("k", 1)
    unsent = queue(tmp_path)
    with open_capture(tmp_path, MemorySink()) as cap:
        assert cap.flush(10.0)
    later = queue(tmp_path)

    assert (unsent.name, unsent.pending > 0) == ("unsent", True)
    assert (later.name, later.pending, later.delivered) == ("memory", 0, cap.stats.sinks["memory"].delivered)


def test_a_running_app_is_seen_by_others(tmp_path):
    answers = [ACCEPTED]
    cap = open_capture(tmp_path, MemorySink(answers=lambda _: answers[0]))
    cap.track_variable("k", 1)
    assert cap.flush(10.0)
    well = queue(tmp_path)
    answers[0] = Answer(Outcome.UNAVAILABLE, "HTTP 401: who are you")
    cap.track_variable("k", 2)
    assert not cap.flush(10.0)
    paused, own = queue(tmp_path), cap.stats.sinks["memory"]
    cap.close()

    assert well.delivered == 2
    assert (well.since, well.attempts, well.last_error, well.pending) == (None, 0, "", 0)
    assert (paused.state, paused.attempts, paused.last_error) == ("paused", 1, "HTTP 401: who are you")
    assert (paused.since, paused.delivered, paused.pending) == (own.since, 2, 1)
    # The last flush asks for another attempt.
    assert queue(tmp_path).state in {"paused", "waiting"}


def test_counts_go_on_at_the_next_start(tmp_path):
    for number in range(3):
        with open_capture(tmp_path, MemorySink()) as cap:
            cap.track_variable("k", number)
            assert cap.flush(10.0)
    found = queue(tmp_path)

    # An app start and a variable each.
    assert (found.delivered, found.state, found.pending) == (6, "idle", 0)


def test_dead_letters_and_the_last_error(tmp_path):
    sink = MemorySink(answers=lambda _: Answer(Outcome.REFUSED, "HTTP 400: why"))
    with open_capture(tmp_path, sink) as cap:
        cap.track_variable("k", 1)
        assert not cap.flush(10.0)
    found = queue(tmp_path)

    assert (found.dead_letters, found.reason, found.last_error) == (2, "HTTP 400: why", "HTTP 400: why")
    assert found.delivered == found.pending == 0


KILLED = """
import os, sys
from capture import Capture, ProjectConfig, RunConfig
from capture.config import BufferConfig, PrivacyConfig
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink

config = RunConfig(
    project=ProjectConfig(id=8),
    buffer=BufferConfig(path=sys.argv[1]),
    privacy=PrivacyConfig(opted_in=True),
)
cap = Capture(config, sinks=[MemorySink(answers=lambda _: Answer(Outcome.TEMPORARY, "HTTP 503: busy"))])
cap.track_variable("k", 1)
cap.flush(0.1)
while cap.stats.sinks["memory"].state != "waiting":
    cap.flush(0.1)
print("READY", flush=True)
sys.stdin.read()
"""


def test_a_killed_app_leaves_what_was_known(tmp_path, capfd):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "READY\n"
        process.send_signal(signal.SIGKILL)
    found = buffer.status(tmp_path / "store")
    main(["buffer", "status", str(tmp_path / "store")])
    shown = capfd.readouterr().out
    main(["buffer", "status", str(tmp_path / "store"), "--json"])
    [as_json] = json.loads(capfd.readouterr().out)["queues"]

    assert not found.delivering
    assert found.queues[0].state in {"waiting", "idle"}  # idle: it was sending
    assert found.queues[0].last_error == "HTTP 503: busy"
    assert found.queues[0].attempts >= 1
    assert found.queues[0].since <= found.queues[0].updated
    assert "memory: last error: HTTP 503: busy" in shown
    assert "no process delivers from it now" in shown
    wanted = {"state", "since", "last_error", "pending", "delivered", "retried", "dead_letters", "attempts"}
    assert wanted <= set(as_json)


def test_a_process_that_does_not_deliver_knows_it_from_the_one_that_does(tmp_path):
    deliverer = open_capture(tmp_path, MemorySink(answers=lambda _: Answer(Outcome.UNAVAILABLE, "HTTP 403")))
    deliverer.track_variable("k", 1)
    assert not deliverer.flush(10.0)
    other = open_capture(tmp_path, MemorySink())
    stats = other.stats.sinks["memory"]
    other.close()
    deliverer.close()

    assert (stats.state, stats.paused, stats.last_error) == ("paused", "HTTP 403", "HTTP 403")
    assert stats.delivered == 0


def test_it_is_written_when_a_state_changes(tmp_path, monkeypatch):
    written = []
    replace = os.replace
    monkeypatch.setattr(
        "capture.store.sink_reports.replace_file", lambda *files: written.append(replace(*files))
    )
    with open_capture(tmp_path, MemorySink()) as cap:
        for number in range(500):
            cap.track_variable("k", number)
        assert cap.flush(10.0)
        # Eleven batches and more: a busy machine may rest in between.
        sent = len(cap.sinks["memory"].batches)

    assert len(written) <= 2 * sent + 10
    assert queue(tmp_path).delivered == 501


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_the_file_is_private_and_goes_with_an_opt_out(tmp_path):
    with open_capture(tmp_path, MemorySink()) as cap:
        cap.track_variable("k", 1)
        assert cap.flush(10.0)
        file = tmp_path / "sinks.json"
        mode = stat.S_IMODE(file.stat().st_mode)
        assert json.loads(file.read_bytes())["state"]["memory"]["delivered"] == 2
        cap.opt_out()
        left = file.exists()

    assert mode == 0o600
    assert not left
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"crc32c":1,"state":{}}', b"\xff" * 100, b"[]"])
def test_a_damaged_file_is_no_file(tmp_path, content):
    with open_capture(tmp_path, MemorySink()) as cap:
        cap.track_variable("k", 1)
        assert cap.flush(10.0)
    (tmp_path / "sinks.json").write_bytes(content)

    assert queue(tmp_path).delivered == 0
    with open_capture(tmp_path, MemorySink()) as cap:
        cap.track_variable("k", 2)
        assert cap.flush(10.0)
        delivered = cap.stats.delivered
    assert queue(tmp_path).delivered == delivered > 0


def test_what_a_sink_of_the_app_says_is_shown_plain_and_without_secrets(tmp_path, caplog):
    said = "\x1b[31mhttps://user:s3cret@h.example/?key=s3cret failed: " + "x" * 1000
    sink = MemorySink(answers=lambda _: Answer(Outcome.UNAVAILABLE, said))
    with open_capture(tmp_path, sink) as cap:
        cap.track_variable("k", 1)
        assert not cap.flush(10.0)
        errors = [cap.stats.sinks["memory"].last_error, queue(tmp_path).last_error, caplog.text]

    for error in errors:
        assert "https://***@h.example/?key=***" in error
        assert "s3cret" not in error
        assert "\x1b" not in error
        assert "x" * 500 not in error
