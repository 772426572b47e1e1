"""The end of a test run: what was skipped and why, in one block."""

from types import SimpleNamespace

from conftest import pytest_terminal_summary


class Reporter:
    """Writes down what a terminal would show."""

    def __init__(self, *reports):
        self.stats = {"skipped": [SimpleNamespace(longrepr=each) for each in reports]}
        self.lines = []

    def section(self, title):
        self.lines.append(title)

    def write_line(self, line):
        self.lines.append(line)


def test_skipped_tests_are_listed_by_reason():
    kivy = ("tests/a.py", 3, "Skipped: kivy is not installed")
    reporter = Reporter(kivy, ["tests/b.py", 9, "Skipped: no Chromium\n on this machine"], kivy)
    pytest_terminal_summary(reporter)

    assert reporter.lines == [
        "skipped: 3 tests, by reason",
        "    2  kivy is not installed",
        "    1  no Chromium on this machine",
    ]


def test_nothing_is_said_where_nothing_was_skipped():
    reporter = Reporter()
    pytest_terminal_summary(reporter)

    assert reporter.lines == []
