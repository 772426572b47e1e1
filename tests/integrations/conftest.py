"""Fixtures that run scripts, and give them a display."""

import itertools
import shutil

import pytest
from host_processes import Display, result_of, start


@pytest.fixture(scope="session")
def kivy_home(tmp_path_factory):
    """Homes for Kivy, one for each process: two that start at once would both make the same folder."""
    folder, numbers = tmp_path_factory.mktemp("kivy-homes"), itertools.count()
    return lambda: str(folder / str(next(numbers)))


@pytest.fixture(scope="session")
def run_script(kivy_home):
    """Run a script to its end; the tests of a module share what it gave."""

    def run(script, *arguments, **more):
        return result_of(start(script, *arguments, KIVY_HOME=kivy_home(), **more))

    return run


@pytest.fixture(scope="session")
def run_all(kivy_home):
    """Run several scripts at once; they mostly wait."""

    def run(*commands, **more):
        running = [start(*command, KIVY_HOME=kivy_home(), **more) for command in commands]
        return [result_of(process) for process in running]

    return run


@pytest.fixture(scope="session")
def displays():
    """Two displays: two windows on one would cover each other."""
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: no real mouse")
    found = [Display(), Display()]
    yield found
    for each in found:
        each.close()
