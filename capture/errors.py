"""The errors that touchcapture raises.

::

    CaptureError
    +-- ConfigError (ValueError)        a run configuration is wrong: file, key, value, allowed values
    +-- TouchLogError (ValueError)      a touch log cannot be read: path, line
    +-- InvalidEventError (ValueError)  an argument of the tracking API is wrong: argument, value, limit
    +-- SinkError                       a sink did not take a batch: sink, retryable
    +-- StoreError                      the local store cannot be used

The native core raises builtins only (``ValueError``, ``TypeError``, ``MemoryError``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

__all__ = [
    "HIDDEN",
    "CaptureError",
    "ConfigError",
    "InvalidEventError",
    "LogOnce",
    "SinkError",
    "StoreError",
    "TouchLogError",
    "cannot_listen",
    "hide_urls",
    "hide_value",
    "hide_values",
    "plain",
    "plain_json",
]


#: No message is longer (characters).
MESSAGE_CHARS = 500
_PATH_CHARS = 160
#: C0 and C1 control characters, and the marks that turn the direction of text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def plain(text: str, limit: int | None = None) -> str:
    """Return text with its control characters written out, cut at a number of characters.

    Contents of files, names of files, keys of documents: foreign text may hold commands to a terminal.
    """
    text = _CONTROLS.sub(lambda found: _written(found[0]), text)
    if limit is not None and len(text) > limit:
        text = text[: limit - 4] + " ..."
    return text


def plain_json(data: bytes) -> bytes:
    """Return JSON with the control characters in its texts as escapes."""
    if data.isascii():
        return data
    return _CONTROLS.sub(
        lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", data.decode()
    ).encode()


def _written(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


#: Replacement of a secret in texts.
HIDDEN = "***"
#: Shorter secrets are hidden as whole words alone: each "1" of a message is harmless.
_SHORT = 6
#: Tables with a secret in any value: request headers, properties of a client library.
_TABLES = frozenset({"headers", "options"})
_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase|$)|secret|token|credential|auth|signature|cookie|private|\bsas\b"
    r"|(^|[-_.]|api|access|account)key([-_.]|id$|$)",
    re.IGNORECASE,
)
_USER = re.compile(r"(://)[^\s/?#\"'<>]*@")
#: A user or password with a character that may not be there is taken for a path by the rule above.
_ODD_USER = re.compile(r"(://)[^\s/:\"'<>]*:(?!\d+[/?#])[^\s\"'<>]*@")
_ADDRESS_USER = re.compile(r"(://)[^/]*@")
_ADDRESSES = frozenset({"url", "proxy", "brokers"})
_QUERY = re.compile(r"(://[^\s?\"'<>]*\?)([^\s#\"'<>]+)")
_FRAGMENT = re.compile(r"(://[^\s#\"'<>]*#)[^\s\"'<>]+")


def hide_urls(text: str) -> str:
    """Return text in which URLs have no user, password, fragment and values of the query."""
    if "://" not in text:
        return text
    text = _ODD_USER.sub(rf"\1{HIDDEN}@", _USER.sub(rf"\1{HIDDEN}@", text))
    text = _QUERY.sub(lambda found: found[1] + _hidden_query(found[2]), text)
    return _FRAGMENT.sub(rf"\1{HIDDEN}", text)


def hide_value(key: str, value: Any) -> Any:
    """Return a setting's value with secrets hidden; `key` is its name, or its path.

    Names of environment variables (``token_env``) are no secrets, their values are.
    """
    name = key.rsplit(".", 1)[-1]
    if isinstance(value, dict):
        is_secret = name in _TABLES or _SECRET_KEY.search(name)
        return {each: hide_value("token" if is_secret else each, value[each]) for each in value}
    if name in _TABLES and isinstance(value, str | list | tuple):
        return HIDDEN
    if isinstance(value, list | tuple):
        return type(value)(hide_value(key, each) for each in value)
    if value is None or isinstance(value, bool) or name.endswith("_env"):
        return value
    if _SECRET_KEY.search(name):
        return HIDDEN
    return _shown_text(name, value) if isinstance(value, str) else value


def _shown_text(name: str, value: str) -> str:
    if name not in _ADDRESSES:
        return hide_urls(value)
    # One URL, even if it is a wrong one: a blank does not end it.
    head, mark, query = _ADDRESS_USER.sub(rf"\1{HIDDEN}@", value).partition("?")
    shown = hide_urls(head) + mark + (_hidden_query(query) if query else "")
    if "@" in shown and f"{HIDDEN}@" not in shown:
        # Without a scheme, or with half of one.
        shown = f"{HIDDEN}@{shown.rpartition('@')[2]}"
    return shown


def hide_values(text: str, secrets: Iterable[str]) -> str:
    """Return text without `secrets`, however they are quoted, and without those of URLs."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        for form in {secret, quote(secret), quote(secret, safe=""), unquote(secret), _in_json(secret)}:
            if len(form) >= _SHORT:
                text = text.replace(form, HIDDEN)
            elif form:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", HIDDEN, text)
    return hide_urls(text)


def _hidden_query(query: str) -> str:
    parts = [part.partition("=") for part in query.split("&")]
    return "&".join(f"{name}={HIDDEN}" if equals else HIDDEN for name, equals, _ in parts)


def _in_json(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class CaptureError(Exception):
    """Base of every error that this package raises on purpose."""

    def __str__(self) -> str:
        return "\n".join(plain(line, MESSAGE_CHARS) for line in super().__str__().split("\n", 20)[:20])


class ConfigError(CaptureError, ValueError):
    """A run configuration, or an argument that stands for one, is wrong.

    The message names the source (file or environment variable), the key path, the value, the
    allowed values and, for an unknown key, the nearest known one.
    """


class TouchLogError(CaptureError, ValueError):
    """A touch log cannot be read.

    Parameters
    ----------
    message : str
        Description of the mistake, without the place.
    path : str, optional
        The log, as the caller named it; ``-`` is standard input.
    line : int, optional
        1-based line of the log where the reading stopped.
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None) -> None:
        # A long path must not push out the mistake.
        shown = path if len(path) <= _PATH_CHARS else f"...{path[-_PATH_CHARS:]}"
        place = f"{shown}:{line}: " if path and line else f"{shown}: " if path else ""
        super().__init__(plain(place + message, MESSAGE_CHARS))
        self.path = path
        self.line = line


class InvalidEventError(CaptureError, ValueError):
    """An argument of the tracking API is wrong; nothing was recorded."""


class SinkError(CaptureError):
    """A sink did not take a batch.

    Parameters
    ----------
    message : str
        Cause of the error.
    sink : str
        Name of the sink.
    retryable : bool
        Whether sending the same bytes again later may succeed.
    """

    def __init__(self, message: str, *, sink: str = "", retryable: bool = False) -> None:
        super().__init__(plain(f"sink {sink!r}: {message}" if sink else message, MESSAGE_CHARS))
        self.sink = sink
        self.retryable = retryable


class StoreError(CaptureError):
    """The local store cannot be opened, read or written."""


def cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    """Return the error for a port in use, or for an address that is not this machine's."""
    return ConfigError(f"port {port} of {host} cannot be used: {error.strerror or error}")


class LogOnce:
    """Logs the first message of each key; for failures that a counter follows from then on.

    Parameters
    ----------
    log : Logger
        Where messages go.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._keys: set[str] = set()

    def __call__(
        self, key: str, level: int, message: str, *args: object, error: BaseException | None = None
    ) -> None:
        """Log `message` unless one with this `key` was logged before."""
        if key not in self._keys:
            self._keys.add(key)
            self._log.log(level, f"{message} (logged only once)", *args, exc_info=error)
