"""Where data sets are: folders and object stores, through `pyarrow.fs`.

A place is written as a path or as a URI: ``s3://bucket/touches``, ``gs://...``, ``file:///...``.
Options of a store (``region``, ``endpoint_override``, ``scheme``) are the query of the URI, or
environment variables (``AWS_REGION``, ``AWS_ENDPOINT_URL``, credentials as the AWS tools have them).
"""

from __future__ import annotations

import contextlib
import copy
import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Found", "Place", "source_and_output"]

_GLOB = "*["


class Found(msgspec.Struct, frozen=True, order=True):
    """A file of a data set.

    Attributes
    ----------
    path : str
        As its file system has it.
    relative : str
        From the folder where the search began.
    size : int
        Bytes.
    changed_ns : int
        Epoch; 0 if the store gives none.
    """

    relative: str
    path: str
    size: int
    changed_ns: int


class Place:
    """A folder, a file or a glob somewhere.

    Parameters
    ----------
    text : str
        Path or URI.

    Raises
    ------
    ConfigError
        When the URI is wrong, or pyarrow has no file system for it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        base, separator, query = text.partition("?") if "://" in text else (text, "", "")
        fixed, self._pattern = _split(base)
        self.filesystem, self.path = _open(fixed, separator + query)

    def __repr__(self) -> str:
        return f"Place({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def parquet_files(self) -> list[Found]:
        """Return the Parquet files here, sorted by name.

        Raises
        ------
        ConfigError
            When there are none.
        """
        files = self.find(".parquet")
        if not files:
            raise ConfigError(f"{self}: no Parquet files there")
        return files

    def find(self, suffix: str) -> list[Found]:
        """Return the files here, sorted by name: those of the glob, else those with `suffix`."""
        from pyarrow import fs

        info = self.filesystem.get_file_info(self.path)
        if info.type == fs.FileType.NotFound:
            return []
        if info.type == fs.FileType.File:
            return [_found(info, info.base_name)]
        infos = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True))
        files = [(each.path[len(self.path) :].strip("/"), each) for each in infos if each.is_file]
        return sorted(_found(each, name) for name, each in files if self._takes(name, suffix))

    def _takes(self, name: str, suffix: str) -> bool:
        if not self._pattern:
            # As Spark and Arrow have it: such names are not data.
            return name.endswith(suffix) and not any(part[0] in "._" for part in name.split("/"))
        return fnmatch.fnmatchcase(name, self._pattern) or fnmatch.fnmatchcase(
            name, f"{self._pattern}/*{suffix}"
        )

    def join(self, name: str) -> str:
        """Return the path of a file here."""
        return f"{self.path.rstrip('/')}/{name}"

    def below(self, name: str) -> Place:
        """Return a folder here."""
        place = copy.copy(self)
        place.path = self.join(name)
        return place

    def inside(self, other: Place) -> bool:
        """Return whether this place is inside another one, or is the same."""
        return self.filesystem.equals(other.filesystem) and f"{self.path.rstrip('/')}/".startswith(
            f"{other.path.rstrip('/')}/"
        )

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """Open a file here for writing; it has its name when it is whole, and never before."""
        path = self.join(name)
        self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        partial = f"{path}.part"
        try:
            with self.filesystem.open_output_stream(partial) as file:
                yield file
        except BaseException:
            self.filesystem.delete_file(partial)
            raise
        self.filesystem.move(partial, path)


def source_and_output(source: str, output: str) -> tuple[Place, Place]:
    """Return the places of a data set and of its output.

    Raises
    ------
    ConfigError
        When the output is inside the source.
    """
    origin, target = Place(source), Place(output)
    if target.inside(origin):
        raise ConfigError(
            f"{output}: is inside {source}, and would be read as touch samples; choose another folder"
        )
    return origin, target


def _split(base: str) -> tuple[str, str]:
    """Split a path before the first part that is a glob."""
    parts = base.split("/")
    first = next((i for i, part in enumerate(parts) if any(letter in part for letter in _GLOB)), len(parts))
    return "/".join(parts[:first]) or ("/" if base.startswith("/") else "."), "/".join(parts[first:])


def _open(fixed: str, query: str) -> tuple[Any, str]:
    from pyarrow import ArrowException, fs

    if "://" not in fixed:
        return fs.LocalFileSystem(), str(Path(fixed).absolute())
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if fixed.startswith("s3://") and region and "region=" not in query:
        # Else the store is asked where the bucket is, which not every store answers.
        query += f"{'&' if query else '?'}region={region}"
    try:
        filesystem, path = fs.FileSystem.from_uri(fixed + query)
    except (ArrowException, OSError, ValueError) as error:
        raise ConfigError(f"{fixed}: {str(error).splitlines()[0]}") from None
    return filesystem, path


def _found(info: Any, relative: str) -> Found:
    return Found(
        relative=relative,
        path=info.path,
        size=info.size or 0,
        changed_ns=0 if info.mtime is None else info.mtime_ns,
    )
