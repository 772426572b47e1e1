"""Users who are forgotten: an empty file for each, whose name means nothing without the key beside it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from capture.sinks.objects import Objects

__all__ = ["Forgotten"]

_FOLDER = "forgotten"
_KEY = f"{_FOLDER}/key"


class Forgotten:
    """The forgotten users of an output.

    Parameters
    ----------
    objects : Objects
    scratch : Path
        Folder for files on their way.
    """

    def __init__(self, objects: Objects, scratch: Path) -> None:
        self._objects, self._scratch = objects, scratch
        self._names: set[str] = set()
        self._key = b""

    def load(self) -> None:
        """Read the list of forgotten users."""
        self._names = set(self._objects.listed(_FOLDER))
        if _KEY in self._names and not self._key:
            self._key = self._objects.fetch(_KEY, self._scratch).read_bytes()

    def has(self, project: int, user: str) -> bool:
        """Return whether a user is forgotten, as of `load`."""
        return len(self._names) > 1 and self._name(project, user) in self._names

    def add(self, project: int, users: Iterable[str]) -> None:
        """Forget users."""
        self._put(_KEY, secrets.token_bytes(32))  # the first one stays
        self.load()
        for user in users:
            self._put(self._name(project, user), b"")

    def _name(self, project: int, user: str) -> str:
        digest = hmac.new(self._key, f"{project}/{user}".encode(), hashlib.sha256).hexdigest()
        return f"{_FOLDER}/{digest}"

    def _put(self, path: str, content: bytes) -> None:
        fresh = self._scratch / "forgotten"
        fresh.write_bytes(content)
        self._objects.move(fresh, path)
