"""The door: what it answers, and what it holds when it answers."""

import contextlib
import gzip
import http.client
import json
import shutil
import socket
import subprocess
import sys
import uuid

import pytest

pytest.importorskip("uvicorn")

from gateway_kit import (
    ENVIRON,
    TOKEN,
    Gateway,
    batch,
    configure,
    event,
    journal_lines,
    pack,
    record,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("door")


@pytest.fixture(scope="module")
def gateway(folder):
    limits = {"max_body_bytes": 200_000, "max_unpacked_bytes": 400_000}
    with Gateway(configure(folder, limits=limits, listen={"port": 0, "request_timeout_s": 2})) as made:
        yield made


def test_a_batch_is_in_the_journal_when_it_is_answered(gateway, folder):
    status, answer, _ = gateway.post(batch(event(1), event(2)), Idempotency_Key="k1")

    assert (status, answer) == (200, {"accepted": 2})
    [line] = [each for each in journal_lines(folder) if each["key"] == "k1"]
    assert (line["project"], line["wire"], line["bad"]) == (8, "native", [])
    assert line["batch"] == batch(event(1), event(2))


@pytest.mark.skipif(shutil.which("zcat") is None, reason="zcat is not installed")
def test_zcat_reads_an_open_segment(gateway, folder):
    gateway.post(batch(event(3)))
    [path] = (folder / "journal").glob("*.open")
    text = subprocess.run(
        [shutil.which("zcat")], input=path.read_bytes(), capture_output=True, check=True
    ).stdout

    assert [json.loads(line)["project"] for line in text.splitlines()]


@pytest.mark.parametrize("name", ["GZIP", "x-gzip"])
def test_other_names_of_gzip(gateway, name):
    assert gateway.post(pack(batch(event(30))), Content_Encoding=name)[:2] == (200, {"accepted": 1})


@pytest.mark.parametrize("packed", [True, False])
def test_currents_and_plain_json(gateway, packed):
    data = {"events": [record(1), record(2)]}

    assert gateway.post(data if packed else json.dumps(data, indent=1).encode())[:2] == (200, {"accepted": 2})


def test_a_newer_sdk_is_taken_and_bad_events_are_named(gateway, folder):
    data = batch(event(10, zz={"a": 1}), event(11, ea=3), event(12, scn="one"), more=5)
    status, answer, _ = gateway.post(data, Idempotency_Key="newer")

    assert (status, answer["accepted"]) == (200, 1)
    assert [each["index"] for each in answer["quarantined"]] == [1, 2]
    assert answer["quarantined"][1]["reason"] == "Expected `int`, got `str` - at `$.scn`"
    [line] = [each for each in journal_lines(folder) if each["key"] == "newer"]
    assert line["batch"]["extra"] == {"more": 5}
    assert line["batch"]["pl"] == [{**event(10), "extra": {"zz": {"a": 1}}}]
    assert [json.loads(each["event"])["euid"] for each in line["bad"]] == [event(n)["euid"] for n in (11, 12)]


def test_a_broken_line_in_json_does_not_break_the_journal(gateway, folder):
    data = json.dumps(batch(event(20)), indent=1).encode() + b"\n"
    assert gateway.post(gzip.compress(data), Content_Encoding="gzip", Idempotency_Key="nl")[0] == 200
    assert [each["batch"] for each in journal_lines(folder) if each["key"] == "nl"] == [batch(event(20))]


BIG = gzip.compress(b" " * 2_000_000)
MANY_KEYS = gzip.compress(b"{" + b",".join(b'"k%d":1' % n for n in range(10_000)) + b"}")
MANY_BAD = gzip.compress(b'{"events":[' + b"0," * 150_000 + b"0]}")
FORGED = pack(batch(event(666))) + gzip.compress(b'}\n{"received":1,"project":9,"wire":"native","batch":{')


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        pytest.param(pack(batch(event(1))), {"token": "wrong"}, 401, id="wrong-token"),
        pytest.param(pack(batch(event(1))), {"token": ""}, 401, id="empty-token"),
        pytest.param(pack(batch(event(1))), {"token": "another"}, 403, id="another-projects-token"),
        pytest.param(pack(batch(event(1), project=9)), {}, 403, id="another-project"),
        pytest.param(pack({"events": [record(1)]}), {"token": "another"}, 403, id="another-wire"),
        pytest.param(pack(batch(event(1))), {"path": "/v1/9/batches"}, 403, id="another-path"),
        pytest.param(pack(batch(event(1))), {"path": "/nowhere"}, 404, id="unknown-path"),
        pytest.param(b"x" * 300_000, {}, 413, id="long"),
        pytest.param(BIG, {}, 413, id="long-unpacked"),
        pytest.param(MANY_BAD, {}, 413, id="many-bad-events"),
        pytest.param(pack(batch(event(1))), {"Content_Encoding": "br"}, 415, id="brotli"),
        pytest.param(FORGED, {}, 400, id="forged-line"),
        pytest.param(pack(batch(event(1)))[:-4], {}, 400, id="cut-off"),
        pytest.param(b"no gzip", {}, 400, id="no-gzip"),
        pytest.param(pack([]), {}, 400, id="an-array"),
        pytest.param(pack(batch()), {}, 400, id="no-events"),
        pytest.param(gzip.compress(b'{"pl":' + b"[" * 90_000), {}, 400, id="deep"),
        pytest.param(MANY_KEYS, {}, 400, id="many-keys"),
    ],
)  # fmt: skip
def test_what_is_refused(gateway, folder, data, headers, status):
    before = len(journal_lines(folder))

    assert gateway.post(data, **{"Content_Encoding": "gzip", **headers})[0] == status
    assert len(journal_lines(folder)) == before


def test_a_body_without_its_length_is_refused(gateway):
    connection = gateway.connect()
    with contextlib.closing(connection):
        connection.putrequest("POST", "/batches")
        connection.putheader("Authorization", f"Bearer {TOKEN}")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.getresponse().status == 411


def test_an_upgrade_is_refused_and_the_device_keeps_its_events(gateway):
    """Java's client offers HTTP/2 in this way; a body behind it cannot be read."""
    headers = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAEAAEAA",
    }

    status, answer, got = gateway.post(batch(event(1)), **headers)
    assert (status, got["connection"]) == (501, "close")
    assert "Upgrade" in answer["error"]
    assert gateway.post(batch(event(1)), Upgrade="h2c")[0] == 200  # not of this connection


def test_a_kept_connection_serves_many(gateway):
    connection = gateway.connect()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip"}
    with contextlib.closing(connection):
        for number, token in enumerate([TOKEN, "wrong", TOKEN]):
            headers["Authorization"] = f"Bearer {token}"
            connection.request("POST", "/v1/8/batches", pack(batch(event(number))), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (200 if token == TOKEN else 401)


def test_slow_senders_are_cut_off(gateway):
    ends = []
    for start in (
        b"POST /batch",
        b"POST /batches HTTP/1.1\r\nContent-Length: 9\r\nAuthorization: Bearer %b\r\n\r\nx",
    ):
        sender = socket.create_connection(("127.0.0.1", gateway.port), timeout=120)
        sender.sendall(start % TOKEN.encode() if b"%b" in start else start)
        ends.append(sender)
    for sender, expected in zip(ends, (b"", b"HTTP/1.1 408"), strict=True):
        with contextlib.closing(sender):
            try:
                assert sender.recv(100).startswith(expected)
            except ConnectionResetError:
                assert expected == b""


def test_health_and_metrics(gateway):
    gateway.post(batch(event(30), event(31, scn="x")))
    assert gateway.get("/healthz")[0] == 200
    assert gateway.get("/readyz") == (200, '{"problem":""}')
    status, text = gateway.get("/metrics")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert status == 200
    assert float(values['gateway_requests_total{project="8",status="200"}']) >= 1
    assert float(values['gateway_events_quarantined_total{project="8"}']) >= 1
    assert float(values["gateway_journal_sync_seconds_count"]) >= 1
    assert TOKEN not in text


def test_neither_numpy_nor_duckdb_is_loaded():
    code = (
        "import sys, capture.gateway.serve, capture.gateway.app, capture.gateway.config, uvicorn\n"
        "print([name for name in ('numpy', 'duckdb', 'pyarrow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


def test_shedding_draws_its_time_for_each_answer(tmp_path):
    with Gateway(configure(tmp_path, limits={"max_in_flight_bytes": 100})) as gateway:
        answers = [gateway.post(batch(event(n))) for n in range(40)]
        assert gateway.get("/healthz")[0] == 200
    waits = [int(headers["Retry-After"]) for status, _, headers in answers if status == 503]
    assert len(waits) == 40
    assert all(1 <= wait <= 30 for wait in waits)
    assert len(set(waits)) > 8
    assert not (tmp_path / "journal").exists() or journal_lines(tmp_path) == []


def test_too_many_events_of_one_user(tmp_path):
    config = configure(tmp_path)
    config.write_text(config.read_text().replace("rate_events_s = 0", "rate_events_s = 0.001", 1))
    many = batch(*(event(n) for n in range(2000)))
    with Gateway(config) as gateway:
        statuses = [gateway.post(many)[0] for _ in range(52)]
        other = gateway.post(batch(event(1), user=str(uuid.UUID(int=1))))[0]
    assert statuses == [200] * 50 + [503] * 2
    assert other == 200


def test_a_full_disk_or_quarantine_is_503(tmp_path):
    with Gateway(configure(tmp_path, limits={"min_free_bytes": 2**47})) as gateway:
        status, answer, headers = gateway.post(batch(event(1)))
        assert (status, answer) == (503, {"error": "the journal's disk is full"})
        assert headers["Retry-After"]
        assert gateway.get("/readyz")[0] == 503


def test_the_end_seals_the_journal(tmp_path):
    with Gateway(configure(tmp_path)) as gateway:
        gateway.post(batch(event(1)))
    assert gateway.process.returncode == 0
    [path] = (tmp_path / "journal").iterdir()
    assert path.name.endswith(".jsonl.gz")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    config = configure(tmp_path)
    gateway = Gateway(config)
    for number in range(20):
        assert gateway.post(batch(event(number)))[0] == 200
    gateway.kill()
    with Gateway(config) as other:
        assert other.post(batch(event(20)))[0] == 200
    numbers = [each["batch"]["pl"][0]["upt"] for each in journal_lines(tmp_path)]
    assert numbers == list(range(21))
    assert list((tmp_path / "journal").glob("*.open")) == []


def test_several_workers_share_a_port(tmp_path):
    with Gateway(configure(tmp_path, listen={"port": 0, "workers": 2})) as gateway:
        for number in range(30):
            assert gateway.post(batch(event(number)))[0] == 200
    assert {each["batch"]["pl"][0]["upt"] for each in journal_lines(tmp_path)} == set(range(30))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls(tmp_path):
    import ssl

    words = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    )
    subprocess.run(words.split(), cwd=tmp_path, check=True, capture_output=True)
    listen = {"port": 0, "host": "0.0.0.0", "tls_cert": "cert.pem", "tls_key": "key.pem"}  # noqa: S104
    with Gateway(configure(tmp_path, listen=listen)) as gateway:
        assert gateway.url.startswith("https://")
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        connection = http.client.HTTPSConnection("localhost", gateway.port, context=context, timeout=120)
        with contextlib.closing(connection):
            connection.request(
                "POST", "/batches", json.dumps(batch(event(1))), {"Authorization": f"Bearer {TOKEN}"}
            )
            assert connection.getresponse().status == 200


def mistakes(folder, text, **environ):
    from capture.errors import ConfigError
    from capture.gateway.config import GatewayConfig

    (folder / "gateway.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        GatewayConfig.load(folder / "gateway.toml", environ=ENVIRON | environ)
    return str(error.value)


PROJECT = '[[projects]]\nid = 8\ntoken_env = ["GATEWAY_TOKEN"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "projects: expected [[projects]] tables"),
        ("[[projects]]\nid = 8\n", "projects.token_env: required"),
        ('[[projects]]\nid = 8\ntoken_env = ["NONE_SUCH"]\n', "'NONE_SUCH': no such environment"),
        (PROJECT + "wire = 1\n", "projects.wire: no such key; did you mean 'wires'?"),
        (PROJECT + "wires = []\n", "projects.wires = []: expected"),
        ("[listn]\n", "listn: no such section; did you mean 'listen'?"),
        (PROJECT + '[listen]\nhost = "0.0.0.0"\n', "others can reach it"),
        (PROJECT + '[kafka]\nbroker = "b:9092"\n', "kafka.broker: no such key; did you mean"),
        (PROJECT + '[kafka]\ntopic = "a b"\n', "kafka.topic = 'a b'"),
    ],
)  # fmt: skip
def test_mistakes_in_the_configuration(tmp_path, text, said):
    found = mistakes(tmp_path, text)
    assert said in found
    assert TOKEN not in found


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ('tls_cert = 5\ntls_key = "k"', "listen.tls_cert = 5: expected text"),
        ('tls_certt = "c"\ntls_key = "k"', "listen.tls_certt: no such key"),
        ('host = "0.0.0.0"\nbehind_proxy = "yes"', "listen.behind_proxy = 'yes': expected true or false"),
    ],
)
def test_a_wrong_value_is_one_mistake(tmp_path, listen, said):
    found = mistakes(tmp_path, f"{PROJECT}[listen]\n{listen}\n")
    assert said in found
    assert len(found.splitlines()) == 1


def test_a_wrong_variable_is_one_mistake(tmp_path):
    text = PROJECT + '[listen]\nhost = "0.0.0.0"\n'
    found = mistakes(tmp_path, text, CAPTURE_LISTEN_BEHIND_PROXY="perhaps")
    assert found == "CAPTURE_LISTEN_BEHIND_PROXY: listen.behind_proxy = 'perhaps': expected true or false"
