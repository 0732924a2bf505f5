"""An adopted model is judged only on rows that it cannot have seen."""

from __future__ import annotations

from sopkit.definitions.results import Verdict
from sopkit.evidence.separation import unseen


def test_only_a_stated_end_of_training_makes_rows_unseen():
    """With the date the rows count; without it they are insufficient and the title says what is lacking."""
    (known,) = unseen({"uri": "m.skops", "trained_until": "2026-01-01T00:00:00+00:00"})
    (unknown,) = unseen({"uri": "m.skops", "trained_until": None})
    assert (Verdict.PASS, Verdict.INSUFFICIENT) == (known.verdict, unknown.verdict)
    assert "--trained-until" in unknown.title
    assert [] == unseen(None)
