"""Parts of a period, one after the other: as many as have blocks enough for an interval each, few enough to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Parts", "parts_of"]

BLOCKS_EACH, MOST = 7, 12  # a week of days; a year of months


@dataclass(frozen=True, eq=False)
class Parts:
    """`starts` (k,) of parts of equal length, and `of` (n,), the number of the part that each row is in."""

    starts: pd.DatetimeIndex
    of: NDArray[Any]
    words: str


def parts_of(times: Any, blocks: Any) -> Parts:
    """Parts of equal length of the rows' `times` (n,), about seven of the rows' `blocks` (n,) each, at most twelve."""
    moments = pd.DatetimeIndex(pd.to_datetime(pd.Series(np.asarray(times)), utc=True))
    if not len(moments):
        return Parts(moments, np.array([], dtype=int), "")
    number = int(np.clip(len(pd.unique(np.asarray(blocks))) // BLOCKS_EACH, 1, MOST))
    first, span = moments.min(), (moments.max() - moments.min()) / number
    if not span:
        return Parts(moments[:1], np.zeros(len(moments), dtype=int), "the only moment there is")
    of = np.minimum(((moments - first) / span).to_numpy().astype(int), number - 1)
    return Parts(first + span * np.arange(number), of, f"parts of about {_length(span)}")


def _length(span: pd.Timedelta) -> str:
    for name, length in (("day", pd.Timedelta(days=1)), ("hour", pd.Timedelta(hours=1))):
        if span >= 2 * length:
            return f"{span / length:.0f} {name}s"
    return f"{span / pd.Timedelta(minutes=1):.0f} minutes"
