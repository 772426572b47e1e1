"""Where finished files go: a local folder, or a bucket through obstore; whole files or none."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from capture.errors import ConfigError
from capture.optional import need
from capture.process import PerProcess, is_alive, make_private_folder
from capture.settings import expanded, shown
from capture.sinks.deadline import call_with_deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Objects", "open_objects"]

#: Scheme of a url -> how the documented layout names that storage. A folder has that of S3.
_KINDS = {
    "file": "S3",
    "s3": "S3",
    "s3a": "S3",
    "gs": "GCS",
    "az": "AzureBlob",
    "azure": "AzureBlob",
    "abfs": "AzureBlob",
    "abfss": "AzureBlob",
}
#: Folder of files that are being written; in the same file system, so that a rename is all it takes.
_INCOMING = ".incoming"


class Objects(Protocol):
    """A place for files under names with slashes."""

    #: The storage's name in paths: S3, GCS or AzureBlob.
    kind: str

    def put(self, path: str, content: bytes, timeout_s: float) -> None:
        """Make a file, or replace it, in one step that others see.

        Raises
        ------
        OSError
            When it could not be made; nothing of it is visible then.
        """

    def add_line(self, name: str, part: str, line: bytes, timeout_s: float) -> None:
        """Add a line to a list; where files cannot grow, it is in a file of its own, which `part` names."""


def open_objects(url: str, sink: str, base: Path | None) -> Objects:
    """Return the place that a url names; nothing is created or connected yet.

    Raises
    ------
    ConfigError
        When the url names no place that is known.
    """
    known = ", ".join(f"{name}://" for name in ("file", "s3", "gs", "az"))
    wrong = ConfigError(
        f"sinks.{sink}.url = {shown('url', url)}: expected a folder, or an address that begins with {known}"
    )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise wrong from None
    scheme = parts.scheme.lower()
    # One letter is a drive.
    if len(scheme) < 2 or scheme == "file":
        text = url if len(scheme) < 2 else unquote(parts.netloc.removeprefix("localhost") + parts.path)
        folder = expanded(f"sinks.{sink}.url", text)
        return _Folder(base / folder if base else folder)
    if scheme not in _KINDS or not parts.netloc:
        raise wrong
    need("obstore", f"sinks.{sink}")
    return _Bucket(url, _KINDS[scheme], sink)


class _Folder:
    """Files in a local folder, brought to the disk before they get their names."""

    kind = _KINDS["file"]

    def __init__(self, root: Path) -> None:
        self._root = root
        self._swept = False

    def put(self, path: str, content: bytes, timeout_s: float) -> None:
        del timeout_s
        incoming = self._root / _INCOMING
        make_private_folder(incoming)
        if not self._swept:
            self._sweep(incoming)
        partial = incoming / f"{os.getpid()}-{uuid.uuid4().hex}"
        target = self._root / path
        try:
            partial.touch(0o600, exist_ok=False)
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            make_private_folder(target.parent)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def add_line(self, name: str, part: str, line: bytes, timeout_s: float) -> None:
        del part, timeout_s
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self._root / name, flags, 0o600)
        try:
            # One write: lines of two writers do not mix.
            os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sweep(self, incoming: Path) -> None:
        """Delete partial files of processes that have ended; their names begin with the process id."""
        self._swept = True
        for partial in incoming.iterdir():
            pid = partial.name.partition("-")[0]
            if not (pid.isdecimal() and is_alive(int(pid))):
                partial.unlink(missing_ok=True)


class _Bucket:
    """Objects in S3, Google Cloud Storage or Azure; credentials are found as the vendors' tools find them."""

    def __init__(self, url: str, kind: str, sink: str) -> None:
        self.kind = kind
        self._url = url
        self._name = f"touchcapture-{sink}-storage"
        self._store: PerProcess[Any] = PerProcess()

    def put(self, path: str, content: bytes, timeout_s: float) -> None:
        self._call(lambda obstore: obstore.put(self._store.value, path, content), timeout_s)

    def add_line(self, name: str, part: str, line: bytes, timeout_s: float) -> None:
        # An object of its own: one that grows would change for those who read it already.
        self.put(f"{name.partition('.')[0]}/{part}/{name}", line + b"\n", timeout_s)

    def _call(self, function: Callable[[Any], Any], timeout_s: float) -> Any:
        obstore = self._connect()
        try:
            return call_with_deadline(lambda: function(obstore), timeout_s, name=self._name)
        except obstore.exceptions.BaseError as error:
            raise OSError(f"{type(error).__name__} of the object store") from error

    def _connect(self) -> Any:
        import obstore
        import obstore.exceptions
        import obstore.store

        if self._store.value is None:
            # The delivery waits and tries again by itself.
            self._store.value = obstore.store.from_url(self._url, retry_config={"max_retries": 0})
        return obstore


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
