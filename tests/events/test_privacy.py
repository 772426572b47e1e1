"""Consent marker, masks and sampling."""

import pytest
from hypothesis import given, strategies as st

from capture.config import PrivacyConfig
from capture.events.privacy import Consent, Masks, is_sampled, new_salt
from capture.targets import Target, view_path

HASH = r"^[0-9a-f]{16}$"


def masks(salt="s", **settings):
    return Masks(PrivacyConfig(**settings), salt)


def test_an_opt_out_leaves_one_empty_file(tmp_path):
    consent = Consent(tmp_path / "store")
    assert not consent.is_withdrawn()

    consent.withdraw()
    consent.withdraw()
    assert consent.is_withdrawn()
    assert [(path.name, path.stat().st_size) for path in (tmp_path / "store").iterdir()] == [("opted-out", 0)]

    consent.give()
    consent.give()
    assert not consent.is_withdrawn()


def test_looking_at_the_consent_makes_no_folder(tmp_path):
    Consent(tmp_path / "store").is_withdrawn()
    Consent(tmp_path / "store").give()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pattern", "title", "hidden"),
    [
        pytest.param("Account", "Account", True, id="the-word"),
        pytest.param("Account", "Accounts", False, id="not-a-part"),
        pytest.param("Account*", "Accounts", True, id="star"),
        pytest.param("Chat ?", "Chat 7", True, id="question-mark"),
        pytest.param("account", "Account", False, id="case-counts"),
    ],
)
def test_titles_are_hidden_by_pattern(pattern, title, hidden):
    assert (masks(hide_titles=(pattern,)).title(title) != title) is hidden


def test_hashes_tell_things_apart_and_differ_between_installations():
    here, there = masks(hide_titles=("*",)), masks("other", hide_titles=("*",))

    assert here.title("A") == here.title("A") != here.title("B")
    assert here.title("A") != there.title("A")
    assert len(here.title("A")) == 16


def test_dropping_leaves_nothing():
    drop = masks(hide_titles=("*",), hide_paths=("secret",), hide_ids=("pin*",), hide_with="drop")

    assert drop.title("A") == ""
    assert drop.path(("secret", "open")) == ("open",)
    target = drop.target(Target(path="[root]>form#pin1>key#k>", id="pin1", responsive=False))
    assert target == Target(path="[root]>form>", id="", responsive=False, hidden=True)


def test_ids_are_hidden_in_the_path_too():
    hidden = masks(hide_ids=("user-*",)).target(Target(path="[root]>list>row#user-7>btn#ok>", id="user-7"))

    assert hidden.id in hidden.path
    assert "user-7" not in hidden.path
    assert hidden.path.startswith("[root]>list>row#")
    assert hidden.path.count("#") == 2
    assert hidden.hidden


def test_what_is_inside_a_hidden_view_is_hidden_too():
    pad = Target(path="[root]>pad#pad>key#k4>", id="k4")

    hashed = masks(hide_ids=("pad",)).target(pad)
    dropped = masks(hide_ids=("pad",), hide_with="drop").target(pad)

    assert hashed.hidden
    assert "k4" not in hashed.path + hashed.id
    assert hashed.path.endswith(f">key#{hashed.id}>")
    assert dropped == Target(path="[root]>pad>", id="", hidden=True)


def test_a_view_that_its_host_hides_needs_no_pattern():
    field = Target(path="[root]>form#login>field#pin>", id="pin", hidden=True)

    dropped = masks(hide_with="drop").target(field)
    hashed = masks().target(field)

    assert dropped == Target(path="[root]>form#login>field>", id="", hidden=True)
    assert "pin" not in hashed.path + hashed.id
    assert hashed.path.startswith("[root]>form#login>field#")


def test_an_escaped_id_is_matched_as_it_is_meant():
    target = Target(path=view_path(("row", "a>b")), id="a>b")

    assert masks(hide_ids=("a>b",), hide_with="drop").target(target) == Target(
        path="[root]>row>", id="", hidden=True
    )


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=4))
def test_what_no_pattern_meets_stays_as_it_is(views):
    target = Target(path=view_path(*views), id="x")

    assert masks(hide_ids=("no such id at all",)).target(target) == target


@pytest.mark.parametrize(("sampling", "expected"), [(0.0, False), (1.0, True)])
def test_all_or_nobody_is_sampled(sampling, expected):
    assert all(is_sampled(f"user-{number}", sampling) is expected for number in range(50))


def test_sampling_keeps_its_share_and_its_users():
    users = [f"user-{number}" for number in range(4000)]
    some = {user for user in users if is_sampled(user, 0.25)}

    assert 0.22 < len(some) / len(users) < 0.28
    assert some < {user for user in users if is_sampled(user, 0.5)}


def test_salts_are_random():
    assert len({new_salt() for _ in range(20)}) == 20
