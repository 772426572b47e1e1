"""The limits of the tracking API, at and beside every boundary."""

import enum
import math
import re

import iso4217
import pytest
from hypothesis import given, strategies as st

from capture.errors import InvalidEventError
from capture.events import checks as tracking, currencies
from capture.events.withdrawn import WITHDRAWN


class Text(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError("not a plain text")


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no repr")


class Level(enum.IntEnum):
    HIGH = 3


ACCEPTED = [
    pytest.param(tracking.check_screen_name, "x", "x", id="name-1"),
    pytest.param(tracking.check_screen_name, "x" * 2083, "x" * 2083, id="name-2083"),
    pytest.param(tracking.check_screen_name, "🧀" * 2083, "🧀" * 2083, id="name-code-points"),
    pytest.param(tracking.check_screen_name, " x ", " x ", id="name-is-not-trimmed"),
    pytest.param(tracking.check_screen_name, Text("x"), "x", id="name-of-a-subclass"),
    pytest.param(tracking.check_path, (), (), id="path-0"),
    pytest.param(tracking.check_path, ["a", "b"], ("a", "b"), id="path-2"),
    pytest.param(tracking.check_value, 20, 20.0, id="value-whole"),
    pytest.param(tracking.check_value, -0.5, -0.5, id="value-negative"),
    pytest.param(tracking.check_currency, "EUR", ("EUR", 978), id="currency-letters"),
    pytest.param(tracking.check_currency, "eur", ("EUR", 978), id="currency-lower-case"),
    pytest.param(tracking.check_currency, 978, ("EUR", 978), id="currency-number"),
    pytest.param(tracking.check_currency, "978", ("EUR", 978), id="currency-digits"),
    pytest.param(tracking.check_currency, "008", ("ALL", 8), id="currency-leading-zeros"),
    pytest.param(tracking.check_currency, 8, ("ALL", 8), id="currency-small-number"),
    pytest.param(tracking.check_currency, "dem", ("DEM", 276), id="currency-withdrawn"),
    pytest.param(tracking.check_currency, 276, ("DEM", 276), id="currency-withdrawn-number"),
    pytest.param(tracking.check_currency, 810, ("RUR", 810), id="currency-number-of-two"),
    pytest.param(tracking.check_key, "  k\t", "k", id="key-trimmed"),
    pytest.param(tracking.check_key, " " + "k" * 512 + " ", "k" * 512, id="key-512-after-trimming"),
    pytest.param(tracking.check_variable, " gold ", "gold", id="text-trimmed"),
    pytest.param(tracking.check_variable, "", "cs-empty", id="text-empty"),
    pytest.param(tracking.check_variable, " \n", "cs-empty", id="text-blank"),
    pytest.param(tracking.check_variable, "v" * 255, "v" * 255, id="text-255"),
    pytest.param(tracking.check_variable, "🧀" * 256, "🧀" * 255, id="text-cut-to-code-points"),
    pytest.param(tracking.check_variable, 0, 0, id="int-0"),
    pytest.param(tracking.check_variable, 2**32 - 1, 2**32 - 1, id="int-most"),
    pytest.param(tracking.check_variable, Level.HIGH, 3, id="int-enum"),
]


@pytest.mark.parametrize(("check", "value", "expected"), ACCEPTED)
def test_accepted(check, value, expected):
    result = check(value)

    assert result == expected
    assert type(result) is type(expected)


REFUSED = [
    pytest.param(tracking.check_screen_name, "", "name", "1 to 2083", id="name-0"),
    pytest.param(tracking.check_screen_name, "x" * 2084, "name", "2084", id="name-2084"),
    pytest.param(tracking.check_screen_name, b"x", "name", "a text", id="name-bytes"),
    pytest.param(tracking.check_screen_name, None, "name", "a text", id="name-none"),
    pytest.param(tracking.check_screen_name, "\ud800", "name", "surrogates", id="name-lone-surrogate"),
    pytest.param(tracking.check_path, ("a", "b", "c"), "path", "at most 2", id="path-3"),
    pytest.param(tracking.check_path, "ab", "path", "a tuple", id="path-bare-text"),
    pytest.param(tracking.check_path, ("a", ""), "path[1]", "1 to 2083", id="path-empty-segment"),
    pytest.param(tracking.check_path, (7,), "path[0]", "a text", id="path-number"),
    pytest.param(tracking.check_value, math.inf, "value", "finite", id="value-infinite"),
    pytest.param(tracking.check_value, math.nan, "value", "finite", id="value-nan"),
    pytest.param(tracking.check_value, 10**400, "value", "finite", id="value-too-big-for-a-float"),
    pytest.param(tracking.check_value, True, "value", "finite", id="value-bool"),
    pytest.param(tracking.check_value, "20", "value", "finite", id="value-text"),
    pytest.param(tracking.check_currency, "EURO", "currency", "ISO 4217", id="currency-four-letters"),
    pytest.param(tracking.check_currency, "QQQ", "currency", "ISO 4217", id="currency-unknown"),
    pytest.param(tracking.check_currency, 1, "currency", "ISO 4217", id="currency-unknown-number"),
    pytest.param(tracking.check_currency, "8", "currency", "ISO 4217", id="currency-one-digit"),
    pytest.param(tracking.check_currency, "\u0131qd", "currency", "ISO 4217", id="currency-dotless-i"),
    pytest.param(tracking.check_currency, True, "currency", "ISO 4217", id="currency-bool"),
    pytest.param(tracking.check_currency, 978.0, "currency", "ISO 4217", id="currency-float"),
    pytest.param(tracking.check_key, "  ", "key", "1 to 512", id="key-blank"),
    pytest.param(tracking.check_key, "k" * 513, "key", "513", id="key-513"),
    pytest.param(tracking.check_key, 7, "key", "a text", id="key-number"),
    pytest.param(tracking.check_variable, -1, "value", "0 to 4294967295", id="int-negative"),
    pytest.param(tracking.check_variable, 2**32, "value", "0 to 4294967295", id="int-too-large"),
    pytest.param(tracking.check_variable, True, "value", "whole number", id="bool"),
    pytest.param(tracking.check_variable, 1.0, "value", "whole number", id="float"),
    pytest.param(tracking.check_variable, "\udfff", "value", "surrogates", id="text-lone-surrogate"),
    pytest.param(tracking.check_variable, Unspeakable(), "value", "no repr", id="no-repr"),
]


@pytest.mark.parametrize(("check", "value", "argument", "limit"), REFUSED)
def test_refused_naming_argument_value_and_limit(check, value, argument, limit):
    with pytest.raises(InvalidEventError) as refusal:
        check(value)

    assert str(refusal.value).startswith(f"{argument} = ")
    assert limit in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1, -1.0), (2.5, 2.5), (3_153_600_000, 3_153_600_000.0), (1e300, 3_153_600_000.0)],
)
def test_a_time_is_at_most_a_hundred_years(value, expected):
    assert tracking.check_seconds("timeout", value) == expected


@pytest.mark.parametrize("value", [math.inf, math.nan, "5", None, True])
def test_a_time_is_a_finite_number(value):
    with pytest.raises(InvalidEventError, match=f"^timeout = {value!r}: expected a finite number"):
        tracking.check_seconds("timeout", value)


def test_long_values_are_shortened_in_messages():
    with pytest.raises(InvalidEventError) as refusal:
        tracking.check_key("k" * 100_000)

    assert len(str(refusal.value)) < 200


def test_the_table_of_currencies_is_that_of_the_package():
    assert {currency.code: currency.number for currency in iso4217.Currency} == currencies.NUMBERS


@given(st.sampled_from(sorted(currencies.NUMBERS)))
def test_letters_and_number_name_one_currency(letters):
    number = currencies.NUMBERS[letters]

    assert currencies.find(letters.lower()) == currencies.find(number) == currencies.find(f"{number:03d}")


def test_a_withdrawn_currency_is_said_once(caplog):
    for _ in range(2):
        assert tracking.check_currency("ITL") == ("ITL", 380)

    assert [record.getMessage() for record in caplog.records] == [
        "currency ITL: withdrawn in 2002-03 (logged only once)"
    ]


def test_withdrawn_currencies_are_no_others(caplog):
    assert set(WITHDRAWN).isdisjoint(currencies.NUMBERS)
    assert len(WITHDRAWN) > 100
    for letters, (number, date) in WITHDRAWN.items():
        assert currencies.find(letters) == (letters, number)
        assert re.fullmatch(r"(19|20)\d\d(-(0[1-9]|1[0-2]))?", date), letters
    assert currencies.find("XFO") is None  # it has no number
