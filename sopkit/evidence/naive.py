"""The forecast to beat: what happened at the same hour a season ago."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["seasonal_naive"]


def seasonal_naive(times: Any, y: Any, at: Any, *, season: str = "7D", slot: str = "1h") -> NDArray[Any]:
    """The forecast to beat: the mean target of the same slot one season earlier, or as many seasons as it takes.

    `times` and `y` are the training rows, `at` the times to forecast; lengths are pandas offsets. A slot that
    never occurred gets the mean of all training rows. Hyndman & Koehler (2006).
    """
    past = pd.Series(np.asarray(y, dtype=float), index=pd.DatetimeIndex(times).floor(slot)).groupby(level=0).mean()
    asked = pd.DatetimeIndex(at).floor(slot)
    forecast = np.full(len(asked), np.nan)
    if len(past):
        step = pd.Timedelta(season)
        back = asked - step * np.maximum(np.ceil((asked - past.index.max()) / step), 1).astype(int)
        for _ in range(4):  # a slot without rows (a holiday, the night) is looked for in the seasons before
            empty = np.isnan(forecast)
            if not empty.any():
                break
            forecast[empty] = past.reindex(back[empty]).to_numpy()
            back = back - step
        forecast[np.isnan(forecast)] = past.mean()
    return forecast
