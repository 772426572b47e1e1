"""Personal data: the rule of ``[privacy] pii`` for each flagged field."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from capture import settings
from capture.errors import ConfigError
from capture.formats.currents.schema import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pii"]

_FLAGGED = tuple(name for name, field in FIELDS.items() if field.pii)
#: Names under which partners get a flagged field.
_PARTNER_NAMES = {"adid": "ad_id", "idfa": "ad_id", "distinct_id": "external_user_id"}


class Pii:
    """Keeps, hashes or drops personal data when a record is made.

    Parameters
    ----------
    policy : mapping of str to str
        Flagged field -> ``keep``, ``hash`` or ``drop``; other fields are kept.
    salt : str
        Of the installation: the same value hashes differently elsewhere.

    Raises
    ------
    ConfigError
        When a field is not flagged, or is no text and shall be hashed.
    """

    def __init__(self, policy: Mapping[str, str], salt: str) -> None:
        for name, action in policy.items():
            path = f"privacy.pii.{name}"
            if name in _PARTNER_NAMES:
                raise ConfigError(f"{path}: partners get it from {_PARTNER_NAMES[name]}; set that")
            if name not in _FLAGGED:
                raise ConfigError(f"{path}: no field of personal data; {settings.nearest(name, _FLAGGED)}")
            if action == "hash" and FIELDS[name].type != "string":
                raise ConfigError(f"{path} = 'hash': expected keep or drop; only texts are hashed")
        self._policy = dict(policy)
        self._salt = salt.encode()

    def protected(self, name: str, value: Any) -> Any:
        """Return a field's value as it may be recorded; None for not at all."""
        action = self._policy.get(name, "keep")
        if action == "keep" or value is None:
            return value
        if action == "drop":
            return None
        return hmac.new(self._salt, str(value).encode(), hashlib.sha256).hexdigest()
