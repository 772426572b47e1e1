"""Partitions: the pieces of a data set that are recognised by themselves.

No stream lies in two partitions, so that no stroke is cut between them. A partition's files are one
log, in the order of their names: a stream may move from file to file.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.scale.places import Found, Place

__all__ = ["OUTPUT", "Partition", "Partitioning", "find_partitions"]

#: ``directory``: the files of a folder are one log; ``file``: every file is one.
Partitioning = Literal["directory", "file"]

#: The file of gestures of a folder.
OUTPUT = "gestures.parquet"


class Partition(msgspec.Struct, frozen=True):
    """A piece of a data set.

    Attributes
    ----------
    name : str
        Of its output, from the output's folder.
    files : list of Found
        Its touch samples, in order.
    """

    name: str
    files: list[Found]

    def fingerprint(self, settings: bytes) -> str:
        """Return what changes when the files or the settings do (hex)."""
        files = [(each.relative, each.size, each.changed_ns) for each in self.files]
        return hashlib.sha256(msgspec.json.encode([files, settings.decode()])).hexdigest()


def find_partitions(source: Place, by: Partitioning = "directory") -> list[Partition]:
    """Return the partitions of a data set, in the order of their names.

    Raises
    ------
    ConfigError
        When there is no Parquet file.
    """
    files = source.find(".parquet")
    if not files:
        raise ConfigError(f"{source}: no Parquet files there")
    if by == "file":
        return [Partition(each.relative, [each]) for each in files]

    def folder(file: Found) -> str:
        return str(PurePosixPath(file.relative).parent)

    return [
        Partition(str(PurePosixPath(name) / OUTPUT), list(each))
        for name, each in groupby(sorted(files, key=lambda file: (folder(file), file.relative)), folder)
    ]
