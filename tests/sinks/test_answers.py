"""What an HTTP reply means: acceptances, web pages, and every form of Retry-After."""

import codecs

import pytest

from capture.sinks import Outcome
from capture.sinks.answers import Reply, answer_of, excerpt

HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
PAGE = b"<!DOCTYPE html><title>Hotel</title>"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        pytest.param(Reply(204, HTML), Outcome.ACCEPTED, id="204"),
        pytest.param(Reply(200, HTML), Outcome.ACCEPTED, id="empty"),
        pytest.param(Reply(200, HTML, b"ok"), Outcome.ACCEPTED, id="ok-as-html"),
        pytest.param(Reply(200, HTML, b"{}"), Outcome.ACCEPTED, id="json-as-html"),
        pytest.param(Reply(200, {}, b'{"page": "<html>"}'), Outcome.ACCEPTED, id="json-about-html"),
        pytest.param(Reply(202, {}, b"queued"), Outcome.ACCEPTED, id="202"),
        pytest.param(Reply(200, {}, PAGE), Outcome.TEMPORARY, id="page-without-a-type"),
        pytest.param(Reply(200, JSON, PAGE), Outcome.TEMPORARY, id="page-as-json"),
        pytest.param(Reply(201, HTML, b"\r\n \t<html>"), Outcome.TEMPORARY, id="blanks-before"),
        pytest.param(Reply(200, HTML, codecs.BOM_UTF8 + PAGE), Outcome.TEMPORARY, id="byte-order-mark"),
        pytest.param(Reply(200, {}, "<html>".encode("utf-16")), Outcome.TEMPORARY, id="utf-16"),
        pytest.param(Reply(200, {}, b"<?xml version='1.0'?><html>"), Outcome.TEMPORARY, id="xhtml"),
        pytest.param(Reply(200, {}, b"<script>location='/login'</script>"), Outcome.TEMPORARY, id="script"),
        pytest.param(
            Reply(200, HTML | {"Content-Encoding": "br"}, b"\x1b\x03"),
            Outcome.TEMPORARY,
            id="brotli",
        ),
        pytest.param(Reply(200, HTML, is_whole=False), Outcome.TEMPORARY, id="page-cut-early"),
        pytest.param(Reply(200, {}, is_whole=False), Outcome.ACCEPTED, id="cut-early"),
        pytest.param(Reply(302, HTML), Outcome.TEMPORARY, id="redirect"),
        pytest.param(Reply(511, HTML, PAGE), Outcome.TEMPORARY, id="511"),
        pytest.param(Reply(413), Outcome.TOO_LARGE, id="413"),
        pytest.param(Reply(422), Outcome.REFUSED, id="422"),
        pytest.param(Reply(404, HTML, PAGE), Outcome.UNAVAILABLE, id="404"),
        pytest.param(Reply(0, problem="timeout"), Outcome.TEMPORARY, id="no-answer"),
    ],
)
def test_outcomes(reply, outcome):
    assert answer_of(reply).outcome is outcome


YEAR_S = 366 * 86_400.0
NOW = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("+5", 5.0),
        ("30s", 30.0),
        ('"30"', 30.0),
        ("120, 60", 120.0),
        ("9" * 300, YEAR_S),
        ("1e9", YEAR_S),
        ("1e99", YEAR_S),
        ("1E400", YEAR_S),
        ("1e-9", 1e-9),
        ("5; 120", 120.0),
        ("5;q", 5.0),
        ("soon; Wed, 21 Oct 2015 07:29:00 GMT", 60.0),
        ("Wed, 21 Oct 2015 07:29:00 GMT", 60.0),
        ("Wednesday, 21-Oct-15 07:29:00 GMT", 60.0),
        ("Wed Oct 21 07:29:00 2015", 60.0),
        ("Wed, 21 Oct 2015 09:29:00 +0200", 60.0),
        ("2015-10-21T07:29:00Z", 60.0),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR_S),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("Wed, 99 Foo 20155 99:99:99 GMT", None),
        ("٣", None),
        ("nan", None),
        ("inf", None),
        ("9" * 9000, YEAR_S),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 413, 403])
def test_retry_after(status, text, seconds):
    assert answer_of(Reply(status, {"Retry-After": text, "Date": NOW})).retry_after_s == seconds


def test_a_date_without_that_of_the_server_is_against_our_clock():
    assert answer_of(Reply(503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"})).retry_after_s == YEAR_S
    assert answer_of(Reply(503, {"Retry-After": NOW, "Date": "no date"})).retry_after_s == 0.0


def test_an_excerpt_is_one_short_line_of_plain_text():
    said = excerpt(b'\x1b[2J{\r\n  "error": \xff' + b"x" * 1000)

    assert said.startswith('\\x1b[2J{ "error": \ufffdxxx')
    assert len(said) == 200
