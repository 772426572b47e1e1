"""The reference collector itself."""

import gzip
import http.client
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from capture.collector import Collector, Fault
from capture.errors import ConfigError

EVENT = {
    "ea": 0, "upt": 1, "euid": "00000000-0000-4000-8000-000000000001", "url": "app-and://x/?title=", "scn": 0,
    "c": 1, "o": 0, "vo": {"sv": "1", "sb": 1, "av": "1", "af": "release", "ab": 1}, "sn": 1, "t": 1,
}  # fmt: skip
BATCH = {
    "pid": 1, "uid": "00000000-0000-4000-8000-000000000000", "dt": 4, "os": "1",
    "l": "en_US", "tz": "UTC", "now": 1, "to": {"an": "1", "st": "SDK-python", "sf": "release"},
    "r": {"w": 1, "h": 2, "d": 1.0}, "pl": [EVENT],
}  # fmt: skip


def body(*numbers):
    events = [{**EVENT, "euid": f"00000000-0000-4000-8000-{number:012d}"} for number in numbers]
    return json.dumps({**BATCH, "pl": events}).encode()


def post(collector, data, **headers):
    connection = http.client.HTTPConnection(urlsplit(collector.url).netloc, timeout=10)
    connection.request("POST", "/batches", data, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


@pytest.fixture
def collector(tmp_path):
    with Collector(folder=tmp_path) as made:
        yield made


def test_events_are_kept_once(collector, tmp_path):
    assert post(collector, body(1, 2))[0] == 200
    assert post(collector, body(2, 3))[0] == 200
    assert post(collector, body(1, 3))[0] == 200

    assert [euid[-1] for euid in collector.events] == ["1", "2", "3"]
    assert collector.counters.duplicates == 3
    collector.close()
    lines = [json.loads(line) for line in (tmp_path / "batches.jsonl").read_bytes().splitlines()]
    assert [[event["euid"][-1] for event in line["pl"]] for line in lines] == [["1", "2"], ["3"]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "batches.jsonl").symlink_to("/dev/full")
    with Collector(folder=tmp_path) as collector:
        assert [post(collector, body(1))[0] for _ in range(2)] == [503, 503]
        assert collector.events == {}


def test_an_address_of_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6")
    with Collector("::1") as collector:
        assert post(collector, body(1))[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b'{"pl": []}', b'{"pl": [{"ea": 0}]}', b"\xff\xfe",
        body(1).replace(b'"pid": 1', b'"pid": "1"'), body(1).replace(b'"uid"', b'"who"'),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(collector, data):
    assert post(collector, data)[0] == 400
    assert collector.events == {}
    assert collector.counters.invalid == 1


def test_compressed_bodies(collector):
    assert post(collector, gzip.compress(body(1)), **{"Content-Encoding": "gzip"})[0] == 200
    assert post(collector, b"no gzip", **{"Content-Encoding": "gzip"})[0] == 400


def test_a_bomb_is_not_unpacked(collector):
    assert post(collector, gzip.compress(bytes(50_000_000)), **{"Content-Encoding": "gzip"})[0] == 413


def test_a_token(tmp_path):
    with Collector(token="right") as collector:
        assert post(collector, body(1))[0] == 401
        assert post(collector, body(1), Authorization="Bearer wrong")[0] == 401
        assert post(collector, body(1), Authorization="Bearer right")[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org"])  # noqa: S104
def test_others_may_reach_it_with_a_token_only(host):
    with pytest.raises(ConfigError, match="token"):
        Collector(host)


def test_faults_come_in_order_and_end(collector):
    collector.fail(Fault(status=503, headers={"Retry-After": "7"}), times=2)
    collector.fail(Fault(status=404), times=1)

    assert [post(collector, body(1))[0] for _ in range(4)] == [503, 503, 404, 200]
    collector.fail(Fault(status=500))
    assert [post(collector, body(1))[0] for _ in range(3)] == [500] * 3
    collector.fail(None)
    assert post(collector, body(1))[0] == 200


def test_single_events_can_be_refused(collector):
    collector.refuse = lambda payload: b"000000000002" in payload

    assert post(collector, body(1, 2))[0] == 400
    assert post(collector, body(1, 3))[0] == 200
    assert len(collector.events) == 2


# Lenient reading, both wire formats, and requests that are refused

RECORD = {
    "event_type": "users.behaviors.CustomEvent", "id": "00000000-0000-4000-8000-0000000000aa", "user_id": "u",
    "time": 1_700_000_000, "name": "tap", "properties": "{}",
}  # fmt: skip


def test_currents_records_are_taken(collector, tmp_path):
    assert post(collector, json.dumps({"events": [RECORD]}).encode())[0] == 200
    assert list(collector.events) == [RECORD["id"]]
    collector.close()
    assert json.loads((tmp_path / "batches.jsonl").read_bytes())["events"] == [RECORD]


def test_a_newer_sdk_is_taken_and_a_bad_event_is_left_out(tmp_path):
    said = []
    data = json.loads(body(1, 2, 3))
    data |= {"more": 2}
    data["pl"][0] |= {"zz": 1}
    data["pl"][1] |= {"ea": 3}
    with Collector(folder=tmp_path, on_refused=said.append) as collector:
        assert post(collector, json.dumps(data).encode())[0] == 200
        assert [euid[-1] for euid in collector.events] == ["1", "3"]
        assert (collector.counters.quarantined, collector.counters.invalid) == (1, 0)
    assert said[0].startswith("event 1 left out: Invalid value 3 - at `$.ea`; came: {")
    written = json.loads((tmp_path / "batches.jsonl").read_bytes())
    assert written["more"] == 2
    assert written["pl"][0]["zz"] == 1


def test_strict_refuses_both():
    with Collector(strict=True) as collector:
        for key in ("ea", "zz"):
            data = json.loads(body(1))
            data["pl"][0][key] = 3
            assert post(collector, json.dumps(data).encode())[0] == 400


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Input data was truncated; came: nothing"),
        (b"{}", "a batch has `pl` (native) or `events` (Currents); this has neither; came: {}"),
        (b'{"pl":' + b"[" * 100_000, "nested too deeply"),
        (b'{"pl":\x1b[2J', "invalid character"),
    ],
)
def test_a_refusal_says_why_and_what_came(data, reason):
    said = []
    with Collector(on_refused=said.append) as collector:
        assert post(collector, data)[0] == 400
    assert reason in said[0]
    assert "\x1b" not in said[0]
    assert len(said[0]) < 400


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nowhere", {}, 404),
        ("/batches", {"Origin": "http://example.org"}, 403),
        ("/batches", {"Host": "example.org"}, 403),
        ("/batches", {"Content-Encoding": "br"}, 415),
        ("/batches", {"Content-Length": "99999999"}, 413),
    ],
)
def test_requests_that_are_not_for_it(collector, path, headers, status):
    connection = http.client.HTTPConnection(urlsplit(collector.url).netloc, timeout=10)
    connection.putrequest("POST", path, skip_host="Host" in headers)
    for name, value in {"Content-Length": str(len(body(1))), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body(1))
    assert connection.getresponse().status == status
    connection.close()
    assert collector.events == {}


@pytest.mark.parametrize(
    "wrong", [lambda packed: packed[:-4], lambda packed: packed + packed], ids=["cut", "two"]
)
def test_gzip_bodies_are_one_whole_member(collector, wrong):
    assert post(collector, wrong(gzip.compress(body(1))), **{"Content-Encoding": "gzip"})[0] == 400
