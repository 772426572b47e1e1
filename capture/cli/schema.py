"""``capture schema``: JSON Schema of batches."""

from __future__ import annotations

from capture.cli._show import print_json


def command() -> None:
    """Print the JSON Schema of a batch.

    Version 2020-12; made from the structs that encode the events.

    Example: capture schema > batch.schema.json
    """
    from capture.formats.schema import batch_schema

    print_json(batch_schema())
