"""The ``capture`` command: an exception of a command becomes one clear line and an exit status."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from capture.errors import MESSAGE_CHARS, CaptureError, SinkError, StoreError, plain
from capture.optional import EXTRAS, how_to_install

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run"]

FAILED, WRONG, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 the call, the configuration or the input is wrong, 130 interrupted.
    """
    try:
        from capture import cli

        return cli.run(arguments)
    except BrokenPipeError:
        # The reader of our output is satisfied; nothing that is still buffered can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("CAPTURE_DEBUG"):
            raise
        # A user gets a line, not a traceback.
        text, status = _line(error)
        sys.stderr.write(f"capture: {text}\n")
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            # For the program that reads our output, which got no result.
            sys.stdout.write(json.dumps({"error": text, "status": status}) + "\n")
        return status


def _line(error: BaseException) -> tuple[str, int]:
    """Return the line for an error, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the output up to there is complete", INTERRUPTED
    if isinstance(error, CaptureError):
        return str(error), FAILED if isinstance(error, SinkError | StoreError) else WRONG
    if isinstance(error, OSError):
        return plain(f"{error.filename or 'system'}: {error.strerror or error}", MESSAGE_CHARS), FAILED
    if isinstance(error, ImportError) and error.name in EXTRAS:
        return how_to_install(error.name), WRONG
    what = plain(f"{type(error).__name__}: {error}", MESSAGE_CHARS - 100)
    return f"internal error ({what}); CAPTURE_DEBUG=1 shows where", FAILED


def run() -> NoReturn:
    """Run the command line as the whole of a process: the entry point of ``capture``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An encoding without one of the signs (a pipe on Windows, the locale C) ends no command.
        sys.stdout.reconfigure(errors="replace")
    status = main()
    if "pyarrow" not in sys.modules:
        sys.exit(status)
    # Its threads may still read from a file of ours; where the interpreter is taken down under them,
    # the process aborts now and then.
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name for it
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
