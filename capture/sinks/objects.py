"""Where finished files go: a local folder, or a bucket through obstore; whole files or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from capture.errors import ConfigError
from capture.optional import need
from capture.process import PerProcess, is_alive, make_private_folder
from capture.settings import expanded, shown
from capture.sinks.deadline import call_with_deadline

if TYPE_CHECKING:
    from collections.abc import Callable

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
#: Deadline (s) for moving or fetching a whole file, or a listing.
_FILE_S = 300.0


class Objects(Protocol):
    """A place for files under names with slashes."""

    #: The storage's name in paths: S3, GCS or AzureBlob.
    kind: str

    def put(self, path: str, content: bytes, timeout_s: float) -> None:
        """Make a file, or replace it, in one step that others see.

        Raises
        ------
        OSError
            When it could not be made; it is not visible then.
        """

    def add_line(self, name: str, part: str, line: bytes, timeout_s: float) -> None:
        """Add a line to a list; where files cannot grow, it is in a file of its own, which `part` names."""

    def move(self, local: Path, path: str, *, replace: bool = False) -> bool:
        """Move a local file here; return whether it was: not if there is one, unless it may `replace` it.

        Of several who move a file to one name at once, one succeeds.
        """

    def fetch(self, path: str, scratch: Path) -> Path:
        """Return the local path of a file, which may be in the folder `scratch`, a copy of its own."""

    def listed(self, prefix: str) -> dict[str, int]:
        """Return path -> size (bytes) of the files in a folder, at any depth, sorted; no hidden ones."""

    def delete(self, path: str) -> None:
        """Delete a file, if it is there."""


def open_objects(url: str, key: str, base: Path | None) -> Objects:
    """Return the place that a url names; nothing is created or connected yet.

    Parameters
    ----------
    url : str
    key : str
        The url's key in the configuration, which errors name: ``sinks.cloud_storage.url``.
    base : Path, optional
        Folder that a relative path starts from.

    Raises
    ------
    ConfigError
        When the url names no place that is known.
    """
    known = ", ".join(f"{name}://" for name in ("file", "s3", "gs", "az"))
    wrong = ConfigError(
        f"{key} = {shown('url', url)}: expected a folder, or an address that begins with {known}"
    )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise wrong from None
    scheme = parts.scheme.lower()
    # One letter is a drive.
    if len(scheme) < 2 or scheme == "file":
        text = url if len(scheme) < 2 else unquote(parts.netloc.removeprefix("localhost") + parts.path)
        folder = expanded(key, text)
        return _Folder(base / folder if base else folder)
    if scheme not in _KINDS or not parts.netloc:
        raise wrong
    need("obstore", key.rpartition(".")[0])
    return _Bucket(url, _KINDS[scheme], key)


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
        try:
            partial.touch(0o600, exist_ok=False)
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._give_name(partial, path, replace=True)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

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

    def move(self, local: Path, path: str, *, replace: bool = False) -> bool:
        make_private_folder(self._root)
        if local.stat().st_dev != self._root.stat().st_dev:
            make_private_folder(self._root / _INCOMING)
            partial = self._root / _INCOMING / f"{os.getpid()}-{uuid.uuid4().hex}"
            local = Path(shutil.move(local, partial))
        local.chmod(0o600)
        with local.open("rb+") as file:
            os.fsync(file.fileno())
        return self._give_name(local, path, replace=replace)

    def _give_name(self, local: Path, path: str, *, replace: bool) -> bool:
        """Move a complete file to its name; return False if that exists and `replace` is not set."""
        target = self._root / path
        make_private_folder(target.parent)
        if replace:
            local.replace(target)
        else:
            try:
                target.hardlink_to(local)
            except FileExistsError:
                return False
            finally:
                local.unlink()
        _sync_folder(target.parent)
        return True

    def fetch(self, path: str, scratch: Path) -> Path:
        del scratch
        return self._root / path

    def listed(self, prefix: str) -> dict[str, int]:
        found = {}
        for path in sorted((self._root / prefix).rglob("[!.]*")):
            with contextlib.suppress(FileNotFoundError):  # another process replaced it
                if path.is_file():
                    found[path.relative_to(self._root).as_posix()] = path.stat().st_size
        return found

    def delete(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def _sweep(self, incoming: Path) -> None:
        """Delete partial files of processes that have ended; their names begin with the process id."""
        self._swept = True
        for partial in incoming.iterdir():
            pid = partial.name.partition("-")[0]
            if not (pid.isdecimal() and is_alive(int(pid))):
                partial.unlink(missing_ok=True)


class _Bucket:
    """Objects in S3, Google Cloud Storage or Azure; credentials are found as the vendors' tools find them."""

    def __init__(self, url: str, kind: str, key: str) -> None:
        self.kind = kind
        self._url = url
        self._thread = f"touchcapture-{key}-storage"
        self._store: PerProcess[Any] = PerProcess()

    def put(self, path: str, content: bytes, timeout_s: float) -> None:
        self._call(lambda obstore: obstore.put(self._store.value, path, content), timeout_s)

    def add_line(self, name: str, part: str, line: bytes, timeout_s: float) -> None:
        # An object of its own: one that grows would change for those who read it already.
        self.put(f"{name.partition('.')[0]}/{part}/{name}", line + b"\n", timeout_s)

    def move(self, local: Path, path: str, *, replace: bool = False) -> bool:
        mode = "overwrite" if replace else "create"

        def put(obstore: Any) -> bool:
            try:
                with local.open("rb") as file:
                    obstore.put(self._store.value, path, file, mode=mode, use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                return False
            return True

        made: bool = self._call(put, _FILE_S)
        local.unlink()
        return made

    def fetch(self, path: str, scratch: Path) -> Path:
        target = scratch / uuid.uuid4().hex / path
        make_private_folder(target.parent)
        got = self._call(lambda obstore: obstore.get(self._store.value, path).bytes(), _FILE_S)
        target.write_bytes(got)
        return target

    def listed(self, prefix: str) -> dict[str, int]:
        def listing(obstore: Any) -> dict[str, int]:
            found = [each for page in obstore.list(self._store.value, prefix) for each in page]
            return {each["path"]: each["size"] for each in found}

        return dict(sorted(self._call(listing, _FILE_S).items()))

    def delete(self, path: str) -> None:
        def delete(obstore: Any) -> None:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store.value, path)

        self._call(delete, _FILE_S)

    def _call(self, function: Callable[[Any], Any], timeout_s: float) -> Any:
        obstore = self._connect()
        try:
            return call_with_deadline(lambda: function(obstore), timeout_s, name=self._thread)
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
    """Sync a new name to disk, if the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
