"""Control characters of contents, names of files, keys and columns reach no message, terminal or JSON raw."""

import json
import re

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.__main__ import main
from capture.errors import MESSAGE_CHARS, TouchLogError

#: C0, C1, the signs that turn the direction of text, and a line end.
NASTY = "a\x1b[31m\x07\x9b2J\u202e\u2066\u200f\x85\rb"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: What a reader keeps of a log as text: names of devices, keys, columns, screens, fingers.
CONTENTS = {
    "getevent": f'add device 1: /dev/input/{NASTY}\n  name:     "{NASTY}"\n' + SEEDS["getevent"].decode(),
    "evemu": SEEDS["evemu"].decode().replace("CoolTouch System", NASTY),
    "evtest": f'Input device name: "{NASTY}"\n' + SEEDS["evtest"].decode(),
    "libinput": SEEDS["libinput"].decode().replace('"Touch"', f'"{NASTY}"'),
    "csv": f"stream,pointer,action,time,x,y\n{NASTY},{NASTY},0,1,1,2\n{NASTY},{NASTY},1,60000001,1,2\n",
    "csv-columns": f"{NASTY},b,c\n1,2,3\n4,5,6\n",
    "csv-cells": f"action,time,x,y\n{NASTY},{NASTY},1,2\n",
    "json-keys": json.dumps([{NASTY: 1, "y": 2}] * 3, ensure_ascii=False),
    "json-cells": json.dumps([{"t": NASTY, "x": 1, "y": 2, "type": "down"}], ensure_ascii=False),
    "jsonl": json.dumps({"mark": "screen", "time": 1, "name": NASTY}) + "\n" + SEEDS["jsonl"].decode(),
    "strokes": SEEDS["strokes"].decode().replace("asterisk", NASTY),
    "howweswipe": SEEDS["howweswipe"].decode().replace("is_she", NASTY.replace("\r", "")),
    "rrweb": SEEDS["rrweb"].decode().replace('"href":"/"', '"href":' + json.dumps(NASTY)),
    "w3c": SEEDS["w3c"].decode().replace('"f1"', json.dumps(NASTY)),
    "luatouch": SEEDS["luatouch"].decode() + f"touchDown({NASTY.replace(chr(13), '')}, 1, 2)\n",
    "motionevent": SEEDS["motionevent"].decode().replace("deviceId=4", f"deviceId={NASTY.replace('[', '')}"),
    "nothing": NASTY * 200,
}


def read(path, **options):
    """Return what a log or its refusal says."""
    try:
        log = logs.open_log(path, options=logs.ReadOptions(**options))
        for _ in log.chunks():
            pass
    except TouchLogError as error:
        return str(error)
    return logs.assumed(log, None, None)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("options", [{}, {"device": NASTY}, {"columns": f"time={NASTY},x=x,y=y,gap=1"}])
def test_messages_of_readers_are_plain_and_short(tmp_path, content, options):
    path = tmp_path / f"{NASTY * 8}.log"
    path.write_text(CONTENTS[content], encoding="utf-8")
    own = content.partition("-")[0]
    for name in {None, "json", "csv", "jsonl", "evtest", "rrweb", own} & {None, *logs.FORMATS}:
        said = read(path, format=name, **options)

        assert not RAW.search(said), (name, said)
        assert "\n" not in said
        assert len(said) <= MESSAGE_CHARS


def test_a_message_keeps_what_is_wrong_behind_a_long_name(tmp_path):
    path = tmp_path
    for _ in range(6):
        path /= "d" * 200
    path.mkdir(parents=True)
    (path / "log.txt").write_text("hello\n", encoding="ascii")

    assert "not a touch log of a known format" in read(path / "log.txt")


@pytest.mark.parametrize("content", CONTENTS)
def test_commands_print_no_control_character(tmp_path, content, capfd):
    folder = tmp_path / NASTY
    folder.mkdir()
    log = folder / f"{NASTY}.log"
    log.write_text(CONTENTS[content], encoding="utf-8")
    out = tmp_path / "out.jsonl"
    for arguments in (
        ["classify", log, "-o", out, "--json"],
        ["classify", log, folder],
        ["convert", log, "-o", tmp_path / "out.touch.jsonl"],
        ["stats", log, "--json"],
        ["view", log],
        ["explain", log],
        ["report", log, "-o", tmp_path / "page.html"],
        ["classify", log, "--columns", f"time={NASTY}"],
        ["classify", log, "--device", NASTY],
        ["replay", log, "-o", tmp_path / NASTY / "out", "--dry-run"],
    ):
        main([str(argument) for argument in arguments])
        said = capfd.readouterr()

        assert not RAW.search(said.out + said.err), (arguments, said.out, said.err)
        assert max(map(len, said.err.splitlines()), default=0) <= MESSAGE_CHARS + 10, said.err
    for file in (out, tmp_path / "out.touch.jsonl"):
        if file.exists():
            assert not RAW.search(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", [f"[sinks.{json.dumps(NASTY)}]\nkind = 'file'", f"{json.dumps(NASTY)} = 1"])
def test_a_configuration_prints_no_control_character(tmp_path, key, capfd):
    path = tmp_path / "capture.toml"
    path.write_text(f"[project]\nid = 8\napp_name = 'Shop'\napp_id = 'shop'\n{key}\n", encoding="utf-8")
    for arguments in (
        ["config", "check", path],
        ["config", "show", path],
        ["replay", path, "--config", path],
    ):
        main([str(argument) for argument in arguments])
        said = capfd.readouterr()

        assert not RAW.search(said.out + said.err), (arguments, said.out, said.err)
