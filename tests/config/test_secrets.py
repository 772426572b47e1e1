"""Secrets are accepted and hidden: in reprs, in messages, by the commands."""

import json
import logging
import os
import subprocess
import sys

import pytest
from rich.pretty import pretty_repr

from capture import BufferConfig, Capture, ConfigError, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.config import DeliveryConfig
from capture.errors import hide_urls, hide_value, hide_values
from capture.sinks import create
from capture.sinks.http import HttpSettings

SECRET = "SUPERSECRET123"
GOOD = {
    "url": f"https://user:{SECRET}@h.example/in?key={SECRET}&a=b",
    "headers": {"X-Api-Key": SECRET, "X-App": SECRET},
    "proxy": f"http://us%40er:{SECRET}@proxy.example:3128",
}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://h.example/in", "https://h.example/in"),
        ("https://user:pass@h.example:8/in", "https://***@h.example:8/in"),
        ("https://pass@h.example/in", "https://***@h.example/in"),
        ("https://user:pa/ss@h.example/in", "https://***@h.example/in"),
        ("https://h.example:80/a@b", "https://h.example:80/a@b"),
        ("https://h.example/?key=pass&b=pass", "https://h.example/?key=***&b=***"),
        ("https://h.example/?pass", "https://h.example/?***"),
        ("https://h.example/#pass", "https://h.example/#***"),
        ("no URL ?key=value", "no URL ?key=value"),
        ("see https://a:pass@h/?k=pass, and s3://k:pass@b/", "see https://***@h/?k=*** and s3://***@b/"),
    ],
)
def test_urls(text, hidden):
    assert hide_urls(text) == hidden


@pytest.mark.parametrize(
    ("key", "value", "hidden"),
    [
        ("api_key", "x", "***"),
        ("token", 5, "***"),
        ("sinks.http.token_env", "TOKEN", "TOKEN"),
        ("sasl.password", "x", "***"),
        ("aws_secret_access_key", "x", "***"),
        ("sinks.http.proxy", "user:pass@proxy:1", "***@proxy:1"),
        ("sinks.http.proxy", "http:/user:pass@proxy:1", "***@proxy:1"),
        ("headers", {"A": "x"}, {"A": "***"}),
        ("headers", ["x"], "***"),
        ("headers", {"A": {"b": "x", "c": ["y"]}}, {"A": {"b": "***", "c": ["***"]}}),
        ("credentials", {"id": "x"}, {"id": "***"}),
        ("brokers", ["user:pass@kafka:9092", "kafka:9092"], ["***@kafka:9092", "kafka:9092"]),
        ("nested", {"deep": [{"password": "x"}]}, {"deep": [{"password": "***"}]}),
        ("monkey", "x", "x"),
        ("path", "a/b", "a/b"),
        ("gzip", True, True),
    ],
)
def test_values(key, value, hidden):
    assert hide_value(key, value) == hidden


def test_secrets_in_text():
    assert hide_values('say p%40ss/w or "p@ss/w"', ["p@ss/w"]) == 'say *** or "***"'
    assert hide_values("101 of 10: 1", ["1", ""]) == "101 of 10: ***"


def test_reprs():
    table = SinkConfig(type="http", options=GOOD)
    config = RunConfig(project=ProjectConfig(id=1), sinks=(table,))
    sink = create(table)
    settings = HttpSettings(**GOOD)

    for thing in (table, config, sink, vars(sink), settings):
        assert SECRET not in repr(thing)
        assert SECRET not in pretty_repr(thing)
    assert "h.example/in?key=***" in repr(config)
    assert config.sinks[0].options == GOOD


BAD = {
    "header-value": {"headers": {"X-Api-Key": SECRET + "\n"}},
    "header-name": {"headers": {"X-Api\r\nKey": SECRET}},
    "header-of-ours": {"headers": {"Host": SECRET}},
    "headers-not-text": {"headers": {"Authorization": [SECRET]}},
    "headers-a-text": {"headers": SECRET},
    "url-without-a-scheme": {"url": f"user:{SECRET}@h.example"},
    "url-half-a-scheme": {"url": f"https:/user:{SECRET}@h.example"},
    "url-with-a-blank": {"url": f"https://user:{SECRET}@h.example/a b?key={SECRET}"},
    "url-port": {"url": f"https://user:{SECRET}@h.example:99999/?key={SECRET}"},
    "proxy-kind": {"proxy": f"socks5://user:{SECRET}@p:1"},
    "proxy-without-a-scheme": {"proxy": f"user:{SECRET}@p:1"},
    "unknown-key": {"api_key": SECRET},
}


@pytest.mark.parametrize("options", BAD.values(), ids=BAD)
def test_messages(options):
    with pytest.raises(ConfigError) as caught:
        create(SinkConfig(type="http", options={"url": "https://h.example/", **options}))

    assert SECRET not in str(caught.value)
    [key] = options
    assert key in str(caught.value)


def test_commands(tmp_path):
    config = tmp_path / "c.toml"
    headers = ", ".join(f'{name} = "{value}"' for name, value in GOOD["headers"].items())
    config.write_text(
        f'[project]\nid = 1\n[buffer]\npath = "{tmp_path / "store"}"\n[[sinks]]\ntype = "http"\n'
        f'url = "{GOOD["url"]}"\nproxy = "{GOOD["proxy"]}"\nheaders = {{ {headers} }}\ntoken_env = "TOK"\n'
    )
    environ = dict(os.environ, TOK=SECRET, CAPTURE_DEBUG="1")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "capture", *arguments],
            capture_output=True,
            text=True,
            env=environ,
            check=False,
        )
        assert SECRET not in done.stdout + done.stderr
        return done

    assert run("config", "check", str(config)).returncode == 0
    shown = json.loads(run("config", "check", str(config), "--json").stdout)
    assert shown["sinks"][0]["options"] == {
        "url": "https://***@h.example/in?key=***&a=***",
        "proxy": "http://***@proxy.example:3128",
        "headers": {"X-Api-Key": "***", "X-App": "***"},
        "token_env": "TOK",
    }
    config.write_text(config.read_text().replace("X-App =", '"X App" ='))
    assert run("config", "check", str(config)).returncode != 0


def test_a_capture_that_fails_shows_none(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("TOK", SECRET)
    caplog.set_level(logging.DEBUG)
    options = {
        "url": f"http://u:{SECRET}@127.0.0.1:1/?k={SECRET}",
        "token_env": "TOK",
        "headers": {"X-K": SECRET},
    }
    config = RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="http", options=options),),
        delivery=DeliveryConfig(shutdown_timeout_s=0.0),
    )
    with Capture(config) as cap:
        cap.track_variable("k", "v")
        assert not cap.flush(0.2)
        shown = repr((cap.stats, cap.sinks, cap.config))

    assert SECRET not in shown + caplog.text
