"""Avro files, byte for byte what fastavro writes by their own schema."""

import io
from hashlib import sha256

import pytest
from currents_samples import canonical, full
from example_count import examples
from hypothesis import given, settings, strategies as st

from capture.formats.currents import avro
from capture.formats.currents.schema import EVENTS, FIELDS

fastavro = pytest.importorskip("fastavro")
VALUES = {
    "string": st.text(max_size=300),
    "int": st.integers(-(2**31), 2**31 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1]),
    "boolean": st.booleans(),
}


def of_fastavro(event, records, version):
    stream = io.BytesIO()
    marker = sha256(b"m").digest()[:16]
    fastavro.writer(stream, avro.avro_schema(event, version), records, codec="null", sync_marker=marker)
    return stream.getvalue()


@st.composite
def files(draw):
    event = draw(st.sampled_from(sorted(EVENTS)))
    schema = EVENTS[event]
    required = {name: VALUES[FIELDS[name].type] for name in schema.source_fields if name in schema.required}
    optional = {
        name: st.none() | VALUES[FIELDS[name].type]
        for name in schema.source_fields
        if name not in schema.required
    }
    rows = st.fixed_dictionaries(required, optional=optional)
    return event, draw(st.lists(rows, max_size=6)), draw(st.sampled_from(["current", "legacy"]))


@settings(max_examples=examples(150), deadline=None)
@given(files())
def test_any_records_have_the_bytes_of_fastavro(drawn):
    event, records, version = drawn

    assert avro.to_file(event, records, version, b"m") == of_fastavro(event, records, version)


@pytest.mark.parametrize("version", ["current", "legacy"])
def test_a_large_file_has_the_blocks_of_fastavro(version):
    event = "users.behaviors.CustomEvent"
    records = [
        canonical(full(event, id=f"{number}", time=number, properties='{"n":"%s"}' % ("x" * (number % 500))))
        for number in range(700)
    ]
    made = avro.to_file(event, records, version, b"m")

    assert made.count(sha256(b"m").digest()[:16]) > 10
    assert made == of_fastavro(event, records, version)
