"""Leaks that no single value shows: several features together, a moment too late, ids, and the order of rows.

The rules:
* numeric features whose sum, difference, product or ratio is the target to the last digit are what it is made of; so
  are those that tell a binary target without an error on later rows by a straight line;
* a feature that holds a moment after the row's own moment was written down later than the row;
* ids and the order of rows of the same moment should say nothing about the label: where they do, the table was put
  together by label, and whatever is made from row numbers leaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sopkit.evidence import rules
from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.measure import number
from sopkit.evidence.metrics import roc_auc
from sopkit.evidence.profiles import numbers

__all__ = ["ids_and_order", "known_later", "made_of_parts"]

ROWS = 5000
EXACT = 1e-6


def made_of_parts(
    rows: pd.DataFrame, y: np.ndarray, names: Sequence[str], task: str, declared: Mapping[str, str]
) -> list[Finding]:
    """Numeric features that together give the target exactly. `rows` are labelled and in the order of time."""
    if len(names) < 2:
        return []
    place = np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(int)
    x, values = np.column_stack([numbers(rows[name].iloc[place]) for name in names]), y[place].astype(float)
    if task == "binary":
        parts = _separating(x, values, names)
        how = "tell the target without an error"
    else:
        parts = _exact(x, values, names)
        how = "give the target exactly"
        if not parts and (values > 0).all():
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.where(x > 0, np.log(x), np.nan)
            usable = [at for at in range(len(names)) if np.isfinite(logs[:, at]).all()]
            if len(usable) > 1:
                parts = _exact(logs[:, usable], np.log(values), [names[at] for at in usable])
                how = "give the target exactly as a product or ratio"
    if not parts:
        return []
    told = f"{' and '.join(parts[:5])}{' and others' if len(parts) > 5 else ''} together {how}"
    if all(part in declared for part in parts):
        remedy = "the signer confirms that these values exist at the moment of prediction"
        return [finding("leak_question", f"{told}; the model file says when they are known", parts[0], remedy=remedy)]
    remedy = "exclude what is known only with the target, or write `known_at:` for each of them"
    return [finding("target_from_features", told, parts[0], remedy=remedy)]


def _exact(x: np.ndarray, values: np.ndarray, names: Sequence[str]) -> list[str]:
    whole = ~np.isnan(x).any(axis=1) & ~np.isnan(values)
    if whole.sum() < 10 * len(names) or np.std(values[whole]) == 0:
        return []
    design, weights = _fitted(x[whole], values[whole])
    if (values[whole] - design @ weights).std() > EXACT * values[whole].std():
        return []
    parts = [name for name, w in zip(names, weights[1:], strict=True) if abs(w) > 1e-3 * values[whole].std()]
    return parts if len(parts) > 1 else []  # one alone is told by its own strength


def _separating(x: np.ndarray, values: np.ndarray, names: Sequence[str]) -> list[str]:
    """The features of a line, fitted on earlier rows, that orders the later ones (all but) without an error."""
    whole = ~np.isnan(x).any(axis=1) & ~np.isnan(values)
    x, values = x[whole], values[whole]
    cut = int(0.7 * len(x))
    late = values[cut:]
    if cut < 20 * len(names) or min((late == 0).sum(), (late == 1).sum()) < 50 or len(np.unique(values[:cut])) < 2:
        return []
    design, weights = _fitted(x, values, until=cut)
    if roc_auc(late, (design @ weights)[cut:]) < 0.95:
        return []
    weights = _sharpened(design[:cut], values[:cut])
    if roc_auc(late, (design @ weights)[cut:]) < 1 - 1e-4:
        return []
    large = np.abs(weights[1:])
    return [name for name, w in zip(names, large, strict=True) if w > 0.1 * large.max()]


def _fitted(x: np.ndarray, values: np.ndarray, until: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / scale])
    weights, *_ = np.linalg.lstsq(design[:until], values[:until], rcond=None)
    return design, weights


def _sharpened(design: np.ndarray, y: np.ndarray, rounds: int = 30) -> np.ndarray:
    """Logistic regression with hardly a penalty: where a line separates the classes, it comes close to that line."""
    weights = np.zeros(design.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        spread = np.maximum(p * (1 - p), 1e-9)
        bend = (design * spread[:, None]).T @ design + 1e-6 * np.eye(len(weights))
        weights = weights + np.linalg.solve(bend, design.T @ (y - p) - 1e-6 * weights)
    return weights


def known_later(rows: pd.DataFrame, names: Sequence[str], time: str, declared: Mapping[str, str]) -> list[Finding]:
    """Features that hold moments, most of them after the row's own."""
    own = pd.to_datetime(rows[time], utc=True, errors="coerce")
    found = []
    for name in (name for name in names if name in rows.columns and name != time):
        column = rows[name]
        if not pd.api.types.is_datetime64_any_dtype(column.dtype):
            texts = column.dropna().head(50)
            if not len(texts) or not texts.map(lambda value: isinstance(value, str)).all():
                continue
            if not texts.str.match(r"\d{4}-\d{2}-\d{2}").all():
                continue
        read = pd.to_datetime(column, utc=True, errors="coerce")
        both = read.notna() & own.notna()
        later = (read[both] > own[both]).mean() if both.any() else 0.0
        if later <= 0.5:
            continue
        told = f"{name} holds moments, {later:.0%} of them after the moment of their row"
        if name in declared:
            told += f"; the model file says it is known at: {declared[name]}"
            remedy = "the signer confirms that such a moment is planned, and known when a prediction is made"
            found.append(finding("leak_question", told, name, share=float(later), remedy=remedy))
        else:
            remedy = f"exclude {name}, or write `known_at:` for it if it is a plan that is known beforehand"
            found.append(finding("known_later", told, name, share=float(later), remedy=remedy))
    return found


def ids_and_order(
    rows: pd.DataFrame, y: np.ndarray, ids: Sequence[str], time: str | None, limits: rules.Leaks
) -> list[Finding]:
    """Does an id, or the place of a row among those of its moment, tell the label? `y` (n,) is 0/1, `rows` labelled."""
    found = []
    for name in (name for name in ids if name in rows.columns and name != time):
        column = rows[name]
        values = numbers(column)
        if np.isnan(values).mean() > 0.5:  # ids such as A-1234: what stands before the number
            texts = column.astype(str).str.replace(r"\d+", "", regex=True).str[:20]
            if not 2 <= texts.nunique() <= 50:
                continue
            values = pd.Series(y).groupby(texts.to_numpy()).transform("mean").to_numpy()
        told = _tells(values, y, limits)
        if told:
            remedy = "was the table put together by label? Nothing made from this id may become a feature"
            found.append(finding("id_tells_label", f"The id {name} {told}", name, remedy=remedy))
    if time is not None and time in rows.columns:
        groups = rows[time].groupby(rows[time].to_numpy())
        size, place = groups.transform("size").to_numpy(), groups.cumcount().to_numpy()
        several = size > 1
        told = _tells((place / np.maximum(size - 1, 1))[several], y[several], limits)
        if told:
            remedy = "rows are sorted by label: nothing made from their order may become a feature"
            found.append(finding("order_tells_label", f"The order of rows of one moment {told}", remedy=remedy))
    return found


def _tells(values: np.ndarray, y: np.ndarray, limits: rules.Leaks) -> str:
    known = ~np.isnan(values)
    values, y = values[known], y[known]
    if min((y == 0).sum(), (y == 1).sum()) < limits.minimum_class or len(y) < limits.minimum_rows:
        return ""
    area = roc_auc(y, values)
    area = max(area, 1 - area)
    return f"tells the label by itself (AUC {number(area)})" if area >= limits.auc else ""
