"""JSON Schema of batches, made from the wire structs themselves."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["batch_schema"]


def batch_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a native batch; events are told apart by ``ea``."""
    from capture.formats.native import Batch

    encoded = msgspec.json.encode(msgspec.json.schema(Batch))
    # The events are named as in the guide: Tap, not TapWire.
    schema = msgspec.json.decode(encoded.replace(b'Wire"', b'"'))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Batch", **schema}
