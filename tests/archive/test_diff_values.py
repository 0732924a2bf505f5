"""Two JSON values side by side."""

from __future__ import annotations

import pytest

from sopkit.archive.diffs.values import alike, changes, same_words


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (0.7325775496873749, 0.7325775496873742, True),
        (0.7325, 0.7326, False),
        (1e-12, 0, True),  # nothing, computed on another machine
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("NaN", "NaN", True),
        (None, 0, False),
        ([1.0, {"a": 2}], [1.0000000001, {"a": 2}], True),
        ([1, 2], [1], False),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_numbers_are_the_same_within_a_tolerance_and_nothing_else_is(left, right, same):
    """Numbers count beyond the tolerance; a truth value is no number, text is text."""
    assert alike(left, right) is same
    assert alike(right, left) is same


def test_the_tolerance_is_the_callers():
    """Whoever asks for a wider tolerance gets it."""
    assert not alike(0.70, 0.71)
    assert alike(0.70, 0.71, 0.02)


def test_a_change_names_its_field_and_what_stands_on_one_side_only_is_told_whole():
    """A changed field by its path, a field that is new or gone once, with all that is in it."""
    left = {"evaluation": {"window": "30d", "folds": 3}, "features": {"age": {"unit": "years", "type": "numeric"}}}
    right = {"evaluation": {"window": "60d", "folds": 3}, "features": {"bmi": {"type": "numeric"}}}
    assert changes(left, right) == [
        {"field": "evaluation.window", "kind": "changed", "left": "30d", "right": "60d"},
        {"field": "features.age", "kind": "removed", "left": {"unit": "years", "type": "numeric"}, "right": None},
        {"field": "features.bmi", "kind": "added", "left": None, "right": {"type": "numeric"}},
    ]
    assert changes(left, left) == []


def test_what_was_nothing_is_told_by_its_parts():
    """Where there was nothing and are parameters now, each of them is told."""
    assert changes({"parameters": {}}, {"parameters": {"rows": 9}}) == [
        {"field": "parameters.rows", "kind": "added", "left": None, "right": 9}
    ]
    assert changes({"holdout": {"rows": 9}}, {"holdout": None}) == [
        {"field": "holdout.rows", "kind": "removed", "left": 9, "right": None}
    ]


def test_items_with_ids_are_compared_by_id():
    """One stage put in front of the others is one difference; a list without ids is one value."""
    left = {"stages": [{"id": "a", "owner": "x"}, {"id": "b", "owner": "y"}], "slices": ["sex", "age"]}
    right = {"stages": [{"id": "new"}, {"id": "a", "owner": "x"}, {"id": "b", "owner": "z"}], "slices": ["sex"]}
    assert [(each["field"], each["kind"]) for each in changes(left, right)] == [
        ("stages.b.owner", "changed"),
        ("stages.new", "added"),
        ("slices", "changed"),
    ]


def test_two_items_of_one_id_are_no_index():
    """Where an id stands twice, the list is compared as a whole, so nothing is lost."""
    assert len(changes([{"id": "a", "n": 1}, {"id": "a", "n": 2}], [{"id": "a", "n": 1}])) == 1


def test_words_are_the_same_but_for_their_numbers():
    """A reason that differs in its numbers alone says the same."""
    assert same_words("27,238 rows, ROC AUC 0.733", "1,238 rows, ROC AUC 0.7")
    assert not same_words("the promise is kept", "the promise is broken")
