"""Calling a function of the workspace's own: what it is told, on which rows, and what it answers or why it does not.

A function may be anyone's. It gets copies, whatever it raises is a reason in words with the line in its file, and
an answer is one finite number.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.evidence.bootstrap import Plan
from sopkit.evidence.metrics import Task

__all__ = ["Function", "Told", "call", "drawn_rows", "place_of"]

Array: TypeAlias = NDArray[Any]
Function = Callable[[Any, Any, pd.DataFrame], Any]


@dataclass(frozen=True, eq=False)
class Told:
    """What functions are told: targets, both predictions and the rows, all of them or those at some places."""

    y: Array
    arms: Sequence[Array]
    rows: pd.DataFrame
    task: Task
    labels: Sequence[str] | None

    def at(self, places: Array | slice) -> Iterator[tuple[Any, Any, pd.DataFrame]]:
        """The arguments for the champion and for the challenger, copies each."""
        y, rows = self.y[places], self.rows.iloc[places].reset_index(drop=True)
        names = np.array(self.labels if self.labels is not None else range(self.arms[0].shape[-1])).astype(object)
        truth = y.astype(int) if self.task == "binary" else names[y.astype(int)] if self.task == "multiclass" else y
        for arm in self.arms:
            said = arm[places].copy()
            yield (
                truth.copy(),
                pd.DataFrame(said, columns=names) if self.task == "multiclass" else said,
                rows.copy(deep=False),
            )


def drawn_rows(drawn: Plan) -> Iterator[Array]:
    """For each resample the places of its rows: the rows of every drawn block, one block after the other."""
    order = np.argsort(drawn.groups, kind="stable")
    ends = np.cumsum(np.bincount(drawn.groups, minlength=drawn.counts.shape[1]))
    blocks = np.split(order, ends[:-1])
    for counts in drawn.counts:
        yield np.concatenate([blocks[k] for k in np.repeat(np.arange(len(blocks)), counts.astype(int))])


def call(function: Function, y_true: Any, y_pred: Any, rows: pd.DataFrame) -> tuple[float, str]:
    """The function's finite number, or NaN and why there is none. It may be anyone's: whatever it raises."""
    try:
        value = function(y_true, y_pred, rows)
    except (Exception, SystemExit) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else ""
        return np.nan, f"{place_of(function, error)} raised {type(error).__name__}: {said}"[:240].rstrip(": ")
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        shape = f" of shape {np.shape(value)}" if isinstance(value, np.ndarray | pd.Series | pd.DataFrame) else ""
        return np.nan, f"{place_of(function)} gave {type(value).__name__}{shape} instead of one number"
    if not np.isfinite(float(value)):
        return np.nan, f"{place_of(function)} gave {float(value)}"
    return float(value), ""


def place_of(function: Callable[..., Any], error: BaseException | None = None) -> str:
    """File and line of the function, or of the place inside its file where it raised."""
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__name__", type(function).__name__)
    frames = traceback.extract_tb(error.__traceback__) if error else []
    lines = [frame.lineno for frame in frames if frame.filename == code.co_filename]
    return f"{Path(code.co_filename).name}, line {lines[-1] if lines else code.co_firstlineno}"
