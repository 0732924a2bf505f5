"""Evidently's drift report, as a view: the only door of evidently.

The rules:
* it is rendered on a stated sample; verdicts come from `drift`, on all rows;
* the JSON is kept (equal inputs give equal JSON), the HTML (about 4 MB) is only looked at, in a sandboxed frame;
* names and categories are data: evidently 0.7.23 writes them into a script block as they are, so whatever could
  close that block or open a tag is replaced before it is handed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sopkit.errors import NotEnoughEvidence
from sopkit.evidence.profiles import kinds, numbers

__all__ = ["Report", "evidently_report"]

# Look-alikes that HTML and JavaScript do not read as markup.
HARMLESS = str.maketrans({"<": "‹", ">": "›", "&": "+", "\u2028": " ", "\u2029": " "})
LONGEST = 200


@dataclass(frozen=True)
class Report:
    """`json` is plain and deterministic; `html` is a view of it; `sample_rows` are (reference, current)."""

    json: dict[str, Any]
    html: str
    sample_rows: tuple[int, int]
    rows: tuple[int, int]

    @property
    def sentence(self) -> str:
        before, now = (f"{shown:,} of {rows:,}" for shown, rows in zip(self.sample_rows, self.rows, strict=True))
        return f"Rendered on {before} reference and {now} current rows"

    def to_dict(self) -> dict[str, Any]:
        return {"sample_rows": list(self.sample_rows), "rows": list(self.rows), "report": self.json}


def evidently_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    target: str | None = None,
    *,
    sample: int = 5000,
    seed: int = 0,
) -> Report:
    """Evidently's data drift preset over the named columns, on at most `sample` rows of each side.

    Texts are shown as their length. Raises NotEnoughEvidence where a side or every column is empty.
    """
    wanted = {name: kind for name, kind in kinds(features).items() if name in reference and name in current}
    if target is not None and target in reference and target in current and target not in wanted:
        wanted[target] = "numeric" if reference[target].nunique() > 20 else "categorical"
    if not len(reference) or not len(current) or not wanted:
        raise NotEnoughEvidence(
            "there is nothing to report on",
            expected="rows on both sides and shared columns",
            got=f"{len(reference)} and {len(current)} rows, {len(wanted)} columns",
        )
    names = _harmless_names(list(wanted))
    sides = [_prepared(_sample(side, sample, seed), wanted, names) for side in (reference, current)]
    usable = [name for name in sides[0] if all(side[name].notna().any() for side in sides)]
    if not usable:
        raise NotEnoughEvidence("no column has values on both sides", got=", ".join(wanted))
    numeric = [names[name] for name, kind in wanted.items() if kind != "categorical" and names[name] in usable]
    categorical = [names[name] for name, kind in wanted.items() if kind == "categorical" and names[name] in usable]
    found, html = _run([side[usable] for side in sides], numeric, categorical)
    return Report(found, html, (len(sides[0]), len(sides[1])), (len(reference), len(current)))


def _run(sides: list[pd.DataFrame], numeric: list[str], categorical: list[str]) -> tuple[dict[str, Any], str]:
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # evidently 0.7.23 warns about its own dependencies when imported and run
        from evidently import DataDefinition, Dataset
        from evidently import Report as EvidentlyReport
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
        reference, current = (Dataset.from_pandas(side, data_definition=definition) for side in sides)
        snapshot = EvidentlyReport([DataDriftPreset()]).run(current_data=current, reference_data=reference)
        return json.loads(snapshot.json()), str(snapshot.get_html_str(as_iframe=False))


def _sample(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return table if len(table) <= rows else table.sample(rows, random_state=seed).sort_index()


def _prepared(table: pd.DataFrame, wanted: Mapping[str, str], names: Mapping[str, str]) -> pd.DataFrame:
    """Floats and objects of harmless texts: evidently 0.7.23 does not know the string columns of pandas 3."""
    columns: dict[str, Any] = {}
    for name, kind in wanted.items():
        values = table[name]
        if kind == "numeric":
            columns[names[name]] = numbers(values)
        elif kind == "text":
            columns[names[name]] = (
                values.map(lambda text: float(len(str(text))), na_action="ignore").astype(float).to_numpy()
            )
        else:
            texts = values.astype(object).map(lambda value: _harmless(str(value)), na_action="ignore")
            columns[names[name]] = texts.where(values.notna(), None).to_numpy(dtype=object)
    return pd.DataFrame(columns)


def _harmless(text: str) -> str:
    return text.translate(HARMLESS)[:LONGEST]


def _harmless_names(names: list[str]) -> dict[str, str]:
    """Each name made harmless, and still different from the others."""
    found: dict[str, str] = {}
    for name in names:
        new = _harmless(str(name)) or "(no name)"
        while new in found.values():
            new += "'"
        found[name] = new
    return found
