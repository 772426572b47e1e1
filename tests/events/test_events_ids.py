"""Event ids: random version 4 UUIDs from a pool, and those that are derived from names."""

import uuid

from hypothesis import given, strategies as st

from capture import ids


def test_ids_are_random_version_4_uuids():
    new_id = ids.random_ids()
    made = [new_id() for _ in range(1000)]

    assert len(set(made)) == 1000
    assert all(str(uuid.UUID(text)) == text for text in made)
    assert {uuid.UUID(text).version for text in made} == {4}
    assert {text[19] for text in made} == set("89ab")


def test_one_reading_of_entropy_serves_64_ids():
    readings = []

    def entropy(count):
        readings.append(count)
        return bytes(range(256)) * (count // 256)

    new_id = ids.random_ids(entropy)
    made = [new_id() for _ in range(65)]

    assert readings == [1024, 1024]
    assert made[0] == made[64] == "00010203-0405-4607-8809-0a0b0c0d0e0f"


def test_all_the_random_bits_are_kept():
    assert ids.random_ids(lambda count: b"\xff" * count)() == "ffffffff-ffff-4fff-bfff-ffffffffffff"


@given(st.text(), st.lists(st.text()))
def test_ids_of_many_names_are_those_of_each(place, names):
    assert ids.derived_ids(place)(names) == [ids.derived_id(place + name) for name in names]
