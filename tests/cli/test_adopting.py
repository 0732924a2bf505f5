"""`sop adopt`: what is refused before a run is started."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sopkit.cli.adopting import _refuse_no_later_rows
from sopkit.definitions.files import parse_model
from sopkit.errors import WrongUse

NOW, LATER = datetime(2012, 6, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


def file(delay: str):
    text = f"""model: m
data: {{source: m.csv, time: at, label_delay: {delay}}}
target: {{column: y, task: binary}}
features: {{x: numeric}}
challengers: {{a: {{title: A}}}}
"""
    return parse_model(text.encode(), "m.yaml")


@pytest.mark.parametrize(
    ("delay", "end", "clock", "refused"),
    [
        ("0d", NOW, NOW, True),
        ("0d", LATER, NOW, True),
        ("0d", LATER, None, True),
        ("0d", NOW, None, False),
        ("0d", datetime(2012, 5, 31, tzinfo=UTC), NOW, False),
        ("10d", datetime(2012, 5, 12, tzinfo=UTC), NOW, True),
        ("10d", datetime(2012, 5, 11, tzinfo=UTC), NOW, False),
        ("10d", None, NOW, False),
    ],
)
def test_an_end_of_training_without_later_rows_is_refused(delay, end, clock, refused):
    """Where no row can have come after the model's training with a final label, nothing is started."""
    if not refused:
        return _refuse_no_later_rows(file(delay), end, clock)
    with pytest.raises(WrongUse, match="nothing could be held out") as caught:
        _refuse_no_later_rows(file(delay), end, clock)
    assert "earlier --trained-until" in caught.value.remedy
