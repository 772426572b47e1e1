"""Partitions: the pieces of a data set that are recognised by themselves.

No stream lies in two partitions, so that no stroke is cut between them. A partition's files are one
log, in the order of their names: a stream may move from file to file.
"""

from __future__ import annotations

import hashlib
import zlib
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from capture.gestures.arrow import is_text

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from capture.scale.places import Found, Place

__all__ = ["OUTPUT", "Engine", "Partition", "Partitioning", "bucket_of", "find_partitions"]

#: ``directory``: the files of a folder are one log; ``file``: every file is one.
Partitioning = Literal["directory", "file"]

#: Executor of the work: threads of this process, or Ray Data.
Engine = Literal["local", "ray"]

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
        """Return a digest that changes when the files or the settings do (hex)."""
        files = [(each.relative, each.size, each.changed_ns) for each in self.files]
        return hashlib.sha256(msgspec.json.encode([files, settings.decode()])).hexdigest()


def find_partitions(source: Place, by: Partitioning = "directory") -> list[Partition]:
    """Return the partitions of a data set, in the order of their names.

    Raises
    ------
    ConfigError
        When there is no Parquet file.
    """
    files = source.parquet_files()
    if by == "file":
        return [Partition(each.relative, [each]) for each in files]

    def folder(file: Found) -> str:
        return str(PurePosixPath(file.relative).parent)

    return [
        Partition(str(PurePosixPath(name) / OUTPUT), list(each))
        for name, each in groupby(sorted(files, key=lambda file: (folder(file), file.relative)), folder)
    ]


def bucket_of(stream: pa.Array, partitions: int) -> np.ndarray[Any, Any]:
    """Return the partition of each sample: of a number by multiplicative hashing, of a text by CRC-32."""
    import numpy as np
    from pyarrow import types

    if is_text(stream.type):
        stream = stream.dictionary_encode()
    if types.is_dictionary(stream.type) and not types.is_integer(stream.type.value_type):
        of_key = np.array(
            [zlib.crc32(key.encode()) % partitions for key in stream.dictionary.to_pylist()], np.int32
        )
        by_key: np.ndarray[Any, Any] = of_key[stream.indices.to_numpy(zero_copy_only=False)]
        return by_key
    if types.is_dictionary(stream.type):
        stream = stream.dictionary_decode()
    numbers = stream.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    mixed = (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    buckets: np.ndarray[Any, Any] = ((mixed * np.uint64(partitions)) >> np.uint64(32)).astype(np.int32)
    return buckets
