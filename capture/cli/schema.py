"""``capture schema``: JSON Schema of what is emitted."""

from __future__ import annotations

from capture.cli._show import print_json


def command() -> None:
    """Print the JSON Schema (2020-12) of a batch, made from the structs that encode it.

    Example: capture schema > batch.schema.json
    """
    from capture.formats.schema import batch_schema

    print_json(batch_schema())
