"""Which addresses a sink can post to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from capture.errors import ConfigError

__all__ = ["check_address"]

#: A host, or an address in brackets, and a port.
_AUTHORITY = re.compile(r"(\[[^\[\]]+\]|[^\[\]:%\\]+)(:[0-9]*)?")


def check_address(key: str, url: str | None) -> None:
    """Refuse a url that urllib3 could not connect to; that is not imported before the first batch.

    Raises
    ------
    ConfigError
        When its host or port is wrong; what else a url has to be is in the settings' types.
    """
    if url is None:
        return
    try:
        parts = urlsplit(url)
        good = parts.port != 0 and _AUTHORITY.fullmatch(parts.netloc)
    except ValueError:
        good = None
    if not good:
        raise ConfigError(f"{key} = {url!r}: expected http(s)://host or http(s)://host:port, port 1 to 65535")
