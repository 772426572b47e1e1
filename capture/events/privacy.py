"""Consent, hiding and sampling: which events are recorded, and which names in them are readable."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from capture.errors import StoreError
from capture.process import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from capture.events.config import PrivacyConfig
    from capture.events.targets import Target

__all__ = ["OPTED_OUT", "Consent", "Masks", "is_sampled", "new_salt"]

#: Name of the empty file that remembers an opt-out.
OPTED_OUT = "opted-out"

#: Hex digits of a hidden name: short enough to read, long enough to keep an app's names apart.
_DIGITS = 16


class Consent:
    """The marker of an opt-out: an empty file in the folder of the store.

    Parameters
    ----------
    folder : path
        The store's; it is created by `withdraw` alone.
    """

    def __init__(self, folder: Path) -> None:
        self._marker = folder / OPTED_OUT

    def is_withdrawn(self) -> bool:
        """Return whether the user opted out; that wins over ``opted_in = true``.

        Raises
        ------
        StoreError
            When that is not known: the folder is another user's.
        """
        try:
            return self._marker.exists()
        except OSError as error:
            raise StoreError(f"{self._marker}: {error}") from error

    def withdraw(self) -> None:
        """Remember an opt-out."""
        make_private_folder(self._marker.parent)
        self._marker.touch(mode=0o600)

    def give(self) -> None:
        """Forget an earlier opt-out."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._marker.unlink()


def new_salt() -> str:
    """Return a random salt for the hidden names of one installation."""
    return secrets.token_hex(16)


def is_sampled(user_id: str, sampling: float) -> bool:
    """Return whether a user's events are recorded: decided by the id alone, so always the same."""
    digest = hashlib.sha256(user_id.encode()).digest()
    return int.from_bytes(digest[:8]) < sampling * 2**64


class Masks:
    """Hides view ids, screen titles and URL path segments by pattern (``*`` and ``?``).

    Parameters
    ----------
    config : PrivacyConfig
    salt : str
        Of this installation: the same name hides differently elsewhere.
    """

    def __init__(self, config: PrivacyConfig, salt: str) -> None:
        self._config = config
        self._salt = salt.encode()

    def title(self, title: str) -> str:
        """Return a screen title as it may be recorded; a dropped one is empty."""
        return self._masked(title, self._config.hide_titles)

    def path(self, segments: Iterable[str]) -> tuple[str, ...]:
        """Return URL path segments as they may be recorded; a dropped one is left out."""
        masked = (self._masked(segment, self._config.hide_paths) for segment in segments)
        return tuple(segment for segment in masked if segment)

    def target(self, target: Target) -> Target:
        """Return a target with its id, and the ids in its path, as they may be recorded.

        Views inside a hidden view are hidden too: a key by its own id, or by that of the keypad around it.
        With ``drop`` the path ends at that view.
        """
        if not (self._config.hide_ids or target.hidden):
            return target
        elements, hidden = self._elements(target)
        if not (hidden or self._matches(target.id, self._config.hide_ids)):
            return target
        path = ">".join([*elements, ""])
        return msgspec.structs.replace(target, path=path, id=self._hidden(target.id), hidden=True)

    def _elements(self, target: Target) -> tuple[list[str], bool]:
        """Return the elements of a view path as they may be recorded, and whether the last one is hidden."""
        elements = target.path.removesuffix(">").split(">")
        shown: list[str] = []
        hidden = False
        for number, element in enumerate(elements, 1):
            name, _, view_id = element.partition("#")
            inside = hidden
            hidden = hidden or self._matches(unquote(view_id), self._config.hide_ids)
            hidden = hidden or (target.hidden and number == len(elements))
            if not hidden:
                shown.append(element)
            elif not inside or self._config.hide_with == "hash":
                masked = self._hidden(unquote(view_id))
                shown.append(f"{name}#{masked}" if masked else name)
        return shown, hidden

    def _masked(self, text: str, patterns: tuple[str, ...]) -> str:
        return self._hidden(text) if self._matches(text, patterns) else text

    @staticmethod
    def _matches(text: str, patterns: tuple[str, ...]) -> bool:
        return bool(text) and any(fnmatchcase(text, pattern) for pattern in patterns)

    def _hidden(self, text: str) -> str:
        if not text or self._config.hide_with == "drop":
            return ""
        return hmac.new(self._salt, text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]
