"""Evidently's drift report, as a view: the only door of evidently.

The rules:
* it is rendered on a stated sample; verdicts come from `drift`, on all rows;
* it takes as long as all other figures of its stage together, so it can be rendered beside them, in a process of its
  own that ends with whoever asked;
* the JSON is kept (equal inputs give equal JSON), the HTML (about 4 MB) is only looked at, in a sandboxed frame;
* names and categories are data: evidently 0.7.23 writes them into a script block as they are, so whatever could
  close that block or open a tag is replaced before it is handed over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sopkit.errors import NotEnoughEvidence
from sopkit.evidence.profiles import kinds, numbers

__all__ = ["Rendering", "Report", "begin_report", "evidently_report"]

_FILES = ("reference.parquet", "current.parquet")
# Look-alikes that HTML and JavaScript do not read as markup.
HARMLESS = str.maketrans({"<": "‹", ">": "›", "&": "+", "\u2028": " ", "\u2029": " "})
LONGEST = 200


@dataclass(frozen=True, eq=False)
class _Sides:
    """Both tables as evidently can read them, which columns are what, and of how many rows they are samples."""

    tables: list[pd.DataFrame]
    numeric: list[str]
    categorical: list[str]
    rows: tuple[int, int]

    def report(self, found: dict[str, Any], html: str) -> Report:
        return Report(found, html, (len(self.tables[0]), len(self.tables[1])), self.rows)


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


class Rendering:
    """A report that is being rendered in a process of its own; `report()`, asked once, waits for it."""

    def __init__(self, sides: _Sides) -> None:
        self._sides, self._place = sides, tempfile.TemporaryDirectory(prefix="sop-report-")
        self._folder = Path(self._place.name)
        for name, side in zip(_FILES, sides.tables, strict=True):
            side.to_parquet(self._folder / name)
        (self._folder / "columns.json").write_text(json.dumps([sides.numeric, sides.categorical]), encoding="utf-8")
        command = [sys.executable, "-c", "from sopkit.evidence import report; report.render_here()"]
        with (self._folder / "errors.txt").open("wb") as errors:
            self._process = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, stderr=errors)

    def report(self) -> Report:
        """The finished report. Raises NotEnoughEvidence where evidently could not make one."""
        with self._place:
            if self._process.wait():
                told = (self._folder / "errors.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise NotEnoughEvidence("evidently could not render its report", got=told[-1] if told else "no words")
            found = json.loads((self._folder / "report.json").read_bytes())
            return self._sides.report(found, (self._folder / "report.html").read_text(encoding="utf-8"))

    def __del__(self) -> None:  # a notebook that stopped before it asked
        if hasattr(self, "_process") and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._place.cleanup()


def begin_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    target: str | None = None,
    *,
    sample: int = 5000,
    seed: int = 0,
) -> Rendering:
    """Begin what `evidently_report` makes of the same arguments; raises NotEnoughEvidence at once where it does."""
    return Rendering(_sides(reference, current, features, target, sample, seed))


def evidently_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    target: str | None = None,
    *,
    sample: int = 5000,
    seed: int = 0,
) -> Report:
    """Evidently's data drift preset over the named columns, on at most `sample` rows of each side, here and now.

    Texts are shown as their length. Raises NotEnoughEvidence where a side or every column is empty.
    """
    sides = _sides(reference, current, features, target, sample, seed)
    return sides.report(*_run(sides.tables, sides.numeric, sides.categorical))


def render_here() -> None:
    """What the process of a `Rendering` does: two tables and the names of their columns lie in its folder."""
    numeric, categorical = json.loads(Path("columns.json").read_text(encoding="utf-8"))
    tables = [pd.read_parquet(name) for name in _FILES]
    for table in tables:
        for name in categorical:
            table[name] = table[name].astype(object).where(table[name].notna(), None)
    found, html = _run(tables, numeric, categorical)
    Path("report.json").write_text(json.dumps(found), encoding="utf-8")
    Path("report.html").write_text(html, encoding="utf-8")


def _sides(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    target: str | None,
    sample: int,
    seed: int,
) -> _Sides:
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
    return _Sides([side[usable] for side in sides], numeric, categorical, (len(reference), len(current)))


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
