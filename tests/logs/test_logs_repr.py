"""What a log shows of itself in a Python shell."""

from capture import logs

INFO = '{"info": {"width": 1080, "height": 2340, "density": 2.75}}\n'
SAMPLE = '{{"action": {}, "time": {}000000, "x": 1.0, "y": 2.0}}\n'
TEXT = INFO + SAMPLE.format(0, 1) + SAMPLE.format(1, 80)


def test_a_log_shows_its_format_its_path_and_its_screen(tmp_path):
    path = tmp_path / "a.touch.jsonl"
    path.write_text(TEXT, encoding="utf-8")
    log = logs.open_log(path)

    assert repr(log) == f"<jsonl log {str(path)!r}, 1080x2340 px, density 2.75>"
    assert sum(len(chunk) for chunk in log.chunks()) == 2
    assert repr(log).endswith(", density 2.75, 2 used>")


def test_control_characters_of_a_path_are_escaped(tmp_path):
    path = tmp_path / "a\x1b[31m.touch.jsonl"
    path.write_text(TEXT, encoding="utf-8")

    assert "\x1b" not in repr(logs.open_log(path))
