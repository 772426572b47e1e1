"""Schema of Currents records: every event and field in one table.

Avro schemas (`avro`), validation (`record`), JSON Schema (`json_schema`) and the tables of
``docs/currents.md`` (`docs`) are made from it, and nothing else defines a field.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "EVENTS",
    "FIELDS",
    "MAX_RECORD_BYTES",
    "PLATFORMS",
    "SCHEMA_IDS",
    "SESSION_START",
    "EventSchema",
    "Field",
    "FieldType",
    "Layout",
    "Version",
    "fields_of",
    "platform_of",
    "required_of",
]

FieldType: TypeAlias = Literal["string", "int", "float", "boolean"]
Version: TypeAlias = Literal["current", "legacy"]
Layout: TypeAlias = Literal["glossary", "export"]

#: A record whose canonical JSON (UTF-8) is larger than this is dropped.
MAX_RECORD_BYTES = 900_000

#: Key of a canonical record beside its fields: when the session began (ms since the epoch). Storage has
#: no place for it; it is Amplitude's session id.
SESSION_START = "session_start_ms"

#: Number of a schema version in the paths of files; it grows with every change of any schema.
SCHEMA_IDS: dict[tuple[Layout, Version], int] = {
    ("glossary", "legacy"): 1,
    ("glossary", "current"): 2,
    ("export", "legacy"): 3,
    ("export", "current"): 4,
}

#: Kind of device -> value of `platform`; six values for seven kinds.
PLATFORMS = {
    "iOS": "ios",
    "Android": "android",
    "FireTV": "kindle",
    "Kindle": "kindle",
    "Web": "web",
    "tvOS": "tvos",
    "Roku": "roku",
}

#: Any spelling of either, in lower case -> value of `platform`: legacy files have iOS and Android.
_SPELLINGS = {name.lower(): value for name, value in PLATFORMS.items()}
_SPELLINGS |= {value: value for value in PLATFORMS.values()}


def platform_of(text: str) -> str | None:
    """Return the value of `platform` for a kind of device or a value, in any case; None for another text."""
    return _SPELLINGS.get(text.lower())


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A source field, the same in every event that has it.

    Attributes
    ----------
    type : str
        ``string``, ``int`` (32 bits), ``float`` (32 bits) or ``boolean``.
    note : str
        Its content.
    pii : bool
        Whether it is personal data, which ``[privacy] pii`` decides about.
    deprecated : bool
        Whether it stays null.
    values : tuple of str
        Everything that it may be; empty for no bound.
    """

    type: FieldType = "string"
    note: str
    pii: bool = False
    deprecated: bool = False
    values: tuple[str, ...] = ()


class EventSchema(msgspec.Struct, frozen=True, kw_only=True):
    """One event: which fields its records have.

    Attributes
    ----------
    partner_name : str or None
        Its name for analytics partners; None if it only goes to storage. A CustomEvent has its own name.
    current, legacy : tuple of str
        Fields in storage, in the order of either glossary; empty if a glossary does not have the event.
    required : frozenset of str
        Those that are never null.
    partner_only : tuple of str
        Fields that partners get and storage does not.
    export_only : tuple of str
        Fields that storage has in the layout of exports alone.
    """

    partner_name: str | None
    current: tuple[str, ...]
    legacy: tuple[str, ...]
    required: frozenset[str]
    partner_only: tuple[str, ...] = ()
    export_only: tuple[str, ...] = ()

    @property
    def source_fields(self) -> tuple[str, ...]:
        """Every field that a canonical record may have."""
        return tuple(dict.fromkeys((*self.current, *self.legacy, *self.partner_only, *self.export_only)))


FIELDS: dict[str, Field] = {
    "ad_id": Field(note="advertising id", pii=True),
    "ad_id_type": Field(
        note="kind of advertising id", values=("ios_idfa", "google_ad_id", "windows_ad_id", "roku_ad_id")
    ),
    "ad_tracking_enabled": Field(type="boolean", note="whether the user lets advertising track the device"),
    "alt_accuracy": Field(type="float", note="error of the altitude, m"),
    "altitude": Field(type="float", note="altitude, m", pii=True),
    "app_group_id": Field(note="id of the app group (workspace)"),
    "app_id": Field(note="id of the app"),
    "country": Field(note="unused", deprecated=True),
    "currency": Field(note="alphabetic ISO 4217 code"),
    "device_id": Field(note="random id of the installation"),
    "device_model": Field(note="hardware model"),
    "duration": Field(type="float", note="length of the session, s"),
    "external_user_id": Field(note="the host's own user id", pii=True),
    "gender": Field(note="unused", deprecated=True),
    "id": Field(note="UUID of the record; deduplicate by it"),
    "language": Field(note="unused", deprecated=True),
    "latitude": Field(type="float", note="degrees north", pii=True),
    "ll_accuracy": Field(type="float", note="error of latitude and longitude, m"),
    "longitude": Field(type="float", note="degrees east", pii=True),
    "name": Field(note="name of the custom event"),
    "os_version": Field(note="version of the operating system"),
    "platform": Field(note="kind of device", values=tuple(dict.fromkeys(PLATFORMS.values()))),
    "prev_random_bucket_number": Field(type="int", note="bucket before"),
    "price": Field(type="float", note="price in the currency's units"),
    "product_id": Field(note="id of the product"),
    "properties": Field(note="JSON object as text; `{}` for none"),
    "random_bucket_number": Field(type="int", note="0 to 9999, uniform over users"),
    "sdk_version": Field(note="unused", deprecated=True),
    "session_id": Field(note="UUID of the session"),
    "source": Field(note="where the installation came from"),
    "time": Field(type="int", note="s since the Unix epoch"),
    "timezone": Field(note="IANA name of the user's time zone"),
    "user_id": Field(note="random id of the user, `uid` of the native header"),
}

_DEVICE = "app_id platform os_version device_model device_id"
_AD = "ad_id ad_id_type ad_tracking_enabled"
_WHO = "id user_id external_user_id time"


def _event(
    partner_name: str | None,
    legacy: str,
    required: str,
    *,
    added: str | None = "",
    partner_only: str = "",
    export_only: str = "",
) -> EventSchema:
    """Return an event of both glossaries; the current one has `added` too, and is in alphabetical order.

    None: the event is in the legacy glossary alone.
    """
    current = () if added is None else sorted({*legacy.split(), "app_group_id", *added.split()})
    return EventSchema(
        partner_name=partner_name,
        current=tuple(current),
        legacy=tuple(legacy.split()),
        required=frozenset(f"id user_id time {required}".split()),
        partner_only=tuple(partner_only.split()),
        export_only=tuple(export_only.split()),
    )


#: Event -> its fields.
EVENTS: dict[str, EventSchema] = {
    "users.RandomBucketNumberUpdate": _event(
        None,
        "id app_group_id user_id external_user_id time random_bucket_number prev_random_bucket_number",
        "random_bucket_number",
    ),
    "users.behaviors.CustomEvent": _event(
        "", f"{_WHO} timezone name {_DEVICE} properties {_AD}", "name properties"
    ),
    "users.behaviors.InstallAttribution": _event(
        "Install Attribution", f"{_WHO} source", "source", partner_only="device_id"
    ),
    "users.behaviors.Location": _event(
        "Location",
        f"{_WHO} longitude latitude altitude ll_accuracy alt_accuracy {_DEVICE} {_AD}",
        "app_id latitude longitude",
    ),
    "users.behaviors.Purchase": _event(
        "Purchase",
        f"{_WHO} product_id price currency properties {_DEVICE} {_AD}",
        "product_id price currency properties",
    ),
    "users.behaviors.app.FirstSession": _event(
        "First Session",
        f"{_WHO} timezone session_id {_DEVICE}",
        "app_id session_id",
        added="country gender language sdk_version",
    ),
    "users.behaviors.app.SessionEnd": _event(
        "Session End", f"{_WHO} session_id duration {_DEVICE}", "app_id session_id"
    ),
    "users.behaviors.app.SessionStart": _event(
        "Session Start", f"{_WHO} session_id {_DEVICE}", "app_id session_id"
    ),
    # In the legacy glossary alone; a device cannot observe them, so they are made by imports.
    "users.behaviors.Uninstall": _event(
        None, f"{_WHO} app_id", "", added=None, export_only="app_group_id device_id"
    ),
    "users.behaviors.app.NewsFeedImpression": _event(None, f"{_WHO} {_DEVICE}", "", added=None),
}


_EXPORT_WHO = "id user_id external_user_id app_id time"
_EXPORT_DEVICE = "platform os_version device_model device_id"
#: Event -> its fields in the order of the files that were really exported, where new ones come last.
_EXPORTED = {
    "users.RandomBucketNumberUpdate": (
        "id app_group_id user_id external_user_id time random_bucket_number prev_random_bucket_number"
    ),
    "users.behaviors.CustomEvent": (
        f"{_EXPORT_WHO} timezone {_EXPORT_DEVICE} name properties {_AD} app_group_id"
    ),
    "users.behaviors.InstallAttribution": f"{_WHO} source app_group_id",
    "users.behaviors.Location": (
        f"{_EXPORT_WHO} latitude longitude altitude ll_accuracy alt_accuracy {_EXPORT_DEVICE} {_AD} "
        "app_group_id"
    ),
    "users.behaviors.Purchase": (
        f"{_EXPORT_WHO} {_EXPORT_DEVICE} product_id price currency properties {_AD} app_group_id"
    ),
    "users.behaviors.Uninstall": "id user_id external_user_id device_id app_id time app_group_id",
    "users.behaviors.app.FirstSession": (
        f"{_EXPORT_WHO} session_id gender country timezone language device_id sdk_version platform "
        "os_version device_model app_group_id"
    ),
    "users.behaviors.app.SessionEnd": f"{_EXPORT_WHO} duration session_id {_EXPORT_DEVICE} app_group_id",
    "users.behaviors.app.SessionStart": f"{_EXPORT_WHO} session_id {_EXPORT_DEVICE} app_group_id",
    "users.behaviors.app.NewsFeedImpression": f"{_EXPORT_WHO} {_EXPORT_DEVICE}",
}
#: Events whose `app_id` the glossary leaves open, and exports do not.
_EXPORTED_WITH_APP = frozenset({"users.behaviors.Uninstall", "users.behaviors.app.NewsFeedImpression"})


def required_of(event: str, layout: Layout = "glossary") -> frozenset[str]:
    """Return the storage fields of an event that are never null."""
    required = EVENTS[event].required
    return required | {"app_id"} if layout == "export" and event in _EXPORTED_WITH_APP else required


@cache
def fields_of(event: str, version: Version = "current", layout: Layout = "glossary") -> tuple[str, ...]:
    """Return the storage fields of an event, in the order of its glossary, or of the files of exports.

    An event that only the legacy glossary has keeps its legacy fields in the current version.
    """
    schema = EVENTS[event]
    known = schema.legacy if version == "legacy" or not schema.current else schema.current
    if layout == "glossary":
        return known
    if version == "current":
        known += schema.export_only
    return tuple(name for name in _EXPORTED[event].split() if name in known)
