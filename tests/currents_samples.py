"""Records for the tests of Currents: every field of every event, with a value of its type."""

from importlib.util import find_spec

from capture.formats.currents import Record
from capture.formats.currents.schema import EVENTS

START_S = 1_700_000_000

#: A value for each source field; the floats are no 64-bit floats.
VALUES = {
    "ad_id": "38400000-8cf0-11bd-b23e-10b96e40000d",
    "ad_id_type": "google_ad_id",
    "ad_tracking_enabled": True,
    "alt_accuracy": 2.7,
    "altitude": 104.3,
    "app_group_id": "group-1",
    "app_id": "touchcapture.8",
    "country": "DE",
    "currency": "EUR",
    "device_id": "0d9d2c1a-5f61-4c9b-8d7b-3f1f9a2b7c10",
    "device_model": "Pixel 9",
    "duration": 12.345,
    "external_user_id": "customer-4711",
    "gender": "F",
    "id": "6f1c7f0e-3f0d-4c8e-9d2b-1a2b3c4d5e6f",
    "language": "de",
    "latitude": 52.520008,
    "ll_accuracy": 3.14,
    "longitude": 13.404954,
    "name": "tap",
    "os_version": "15",
    "platform": "android",
    "prev_random_bucket_number": 17,
    "price": 19.99,
    "product_id": "sku-1",
    "properties": '{"tier":"gold","size":[1,2]}',
    "random_bucket_number": 4711,
    "sdk_version": "1",
    "session_id": "5a3f5a52-6c39-4d4f-8b8e-0c9f3b9d1e11",
    "source": "campaign",
    "time": START_S,
    "timezone": "Europe/Berlin",
    "user_id": "b2eb341c-0856-47b4-859c-4708517d4f9f",
}


def full(event, **changes):
    """Return a record with every field that the event may have."""
    fields = {name: VALUES[name] for name in EVENTS[event].source_fields}
    return Record(event, **{**fields, **changes})


def canonical(record):
    """Return a record as sinks see it."""
    return {"event_type": record.event_type, **record.fields}


def has_opentelemetry():
    """Return whether OpenTelemetry's messages are installed."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.proto") is not None
