"""The examination of a new data set: the bytes, then the rows, then what is known already.

The rules:
* size and kind are judged first, by the bytes (`modelling.deliveries`); nothing of the file is executed, and its name
  is a label only;
* then it is held against the model file as stage `collect` holds its rows: columns, types, times, cleaning, the same
  checks with the same severities, what a person waived there in writing included. What can only be asked of a whole
  table (is it fresh, are old rows still there) is not asked of a part (`OF_A_WHOLE`);
* rows that lie after the clock block: they cannot have been measured;
* overlap with known rows and drift against them are told at once; new rows may well differ, so neither blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.data_sets import standing
from sopkit.archive.waivers import standing as standing_waivers
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import parse_model
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, NotFound
from sopkit.running.intake import Intake
from sopkit.running.known_rows import Known, collected_rows, reference_rows

if TYPE_CHECKING:
    import pandas as pd

    from sopkit.modelling import Cleaned

__all__ = ["OF_A_WHOLE", "examine"]

OF_A_WHOLE = frozenset(
    (
        *("too_few_rows", "overdue_data", "stale_data", "volume_drop", "thin_period", "one_time"),
        *("one_class", "class_vanishes", "no_labels"),
        *("rows_lost", "history_rewritten", "values_revised", "category_vanishes", "group_shrinks"),
    )
)
EXAMPLES, WIDEST, LONGEST = 5, 40, 120


def examine(
    workspace: Workspace,
    model: str,
    source: bytes | Path | str,
    *,
    as_of: datetime,
    name: str | None = None,
    credentials: Mapping[str, str] | None = None,
) -> Intake:
    """Examine bytes, a file, or the rows at a URI, for a model. Nothing is written.

    Bad data raises nothing: the result says what blocks it. Raises NotFound and DefinitionError for the model file.
    """
    from sopkit.modelling.deliveries import label

    path = workspace.model_file(model)
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.yaml")))
        raise NotFound(f"no model file named '{model}'", where=path.relative_to(workspace.root), expected=known)
    written = path.read_bytes()
    file = parse_model(written, str(path.relative_to(workspace.root)))
    module = path.with_suffix(".py") if path.with_suffix(".py").is_file() else None
    shown = label(name or (source if isinstance(source, str) else source.name if isinstance(source, Path) else ""))
    found = Intake(model, shown, as_of, model_file=sha256_hex(written))
    try:
        data = _bytes_of(source, file, workspace, as_of, credentials or {})
        return _Examination(workspace, file, module, replace(found, data=data)).made()
    except DataError as error:
        return replace(found, why=(_told(error),))


def _bytes_of(
    source: bytes | Path | str, model: ModelFile, workspace: Workspace, as_of: datetime, credentials: Mapping[str, str]
) -> bytes:
    from sopkit.modelling.deliveries import require_size

    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        try:
            require_size(source.stat().st_size, where=source.name)
            return source.read_bytes()
        except OSError as error:
            raise DataError("the file cannot be read", where=source.name, got=error.strerror) from None
    from sopkit.modelling.deliveries import rows_at

    return rows_at(source, model, as_of=as_of, root=workspace.root, credentials=credentials)


@dataclass
class _Examination:
    """One look at one data set; `found` grows as far as the data let it."""

    workspace: Workspace
    model: ModelFile
    module: Path | None
    found: Intake

    def made(self) -> Intake:
        from sopkit.modelling.declared import require_columns
        from sopkit.modelling.deliveries import parse

        where = self.found.name
        entries = self.workspace.log.entries()
        before = [each for each in standing(entries, self.model.model) if each.digest == self.found.digest]
        if before:
            got = f"log entry {before[0].seq}, {before[0].at:%Y-%m-%d}"
            self._blocks(DataError(f"this very data set was accepted before, by {before[0].by}", got=got))
        try:
            raw, kind = parse(self.found.data, self.model, where=where)
            self._look_at(raw, kind)
            if not len(raw):
                raise DataError("there are columns and no rows", where=where)
            require_columns(list(raw.columns), self.model, where=where)
            self._judge(self._timed(raw))
        except DataError as error:
            self._blocks(error)
        return self.found

    def _blocks(self, error: DataError) -> None:
        self.found = replace(self.found, why=(*self.found.why, _told(error)))

    def _look_at(self, raw: pd.DataFrame, kind: str) -> None:
        missing = raw.isna().mean()
        columns = [{"name": n, "type": str(raw[n].dtype), "missing": float(missing[n])} for n in raw.columns]
        wanted = [self.model.data.time, *self.model.data.id, *self.model.features]
        first = [name for name in dict.fromkeys(wanted) if name in raw.columns]
        shown = [*first, *(name for name in raw.columns if name not in first)][:WIDEST]
        rows = raw[shown].head(EXAMPLES).to_dict("records")
        examples = tuple({_short(key): _short(_plain(value)) for key, value in row.items()} for row in rows)
        self.found = replace(self.found, media_type=kind, rows=len(raw), columns=tuple(columns), examples=examples)

    def _timed(self, raw: pd.DataFrame) -> pd.DataFrame:
        """The rows with their times read. What lies after the clock is told, and goes no further."""
        from sopkit.modelling.times import read_times, utc

        data, clock = self.model.data, utc(self.found.as_of)
        times = read_times(raw[data.time], data.time_format, name=data.time, source=self.found.name)
        self.found = replace(self.found, first=times.min().isoformat(), last=times.max().isoformat())
        late = times >= clock
        if late.any():
            got = f"{int(late.sum()):,} of {len(raw):,} rows, the last of {times.max():%Y-%m-%d %H:%M}"
            remedy = "check time zones and clocks; in a simulation, give a later --as-of"
            what = f"rows are dated after {clock:%Y-%m-%d %H:%M} UTC, the clock"
            self._blocks(DataError(what, expected="rows before it", got=got, remedy=remedy))
        return raw.assign(**{data.time: times}).loc[~late].reset_index(drop=True)

    def _judge(self, timed: pd.DataFrame) -> None:
        """Cleaning, checks, overlap and drift, as far as there are rows."""
        from sopkit import evidence, modelling
        from sopkit.modelling.sources import without_early_labels
        from sopkit.modelling.times import utc

        if not len(timed):
            return
        model, as_of = self.model, self.found.as_of
        misfit = self._beside(timed)
        table, _ = without_early_labels(timed, model, utc(as_of))
        cleaned: Cleaned | None = None
        refused: DataError | None = None
        try:
            cleaned = modelling.clean(table, model, as_of=as_of)
            table = cleaned.table
            self.found = replace(self.found, cleaning=cleaned.to_dict())
        except DataError as error:  # the checks below say more, and of every column
            refused = error
        reference = None if misfit else reference_rows(self.workspace, model, self.module)
        target = modelling.target(table, model, as_of=as_of)
        findings = evidence.validate(
            table,
            model,
            as_of=as_of,
            target=target,
            target_columns=modelling.label_columns(model, every=True),
            reference=reference.table if reference else None,
            cleaned=cleaned,
        )
        own = modelling.own_functions(model.data.checks, self.module, where="data.checks")
        findings = findings.plus(evidence.own_checks(table, model, own), [f"own check {name}" for name in own])
        at = datetime.now(UTC)
        waivers = standing_waivers(self.workspace, self.workspace.log.entries(), at=at, model=model.model)
        findings = findings.waive({each.finding: each.words for each in waivers})
        kept = tuple(item for item in findings.items if item.name not in OF_A_WHOLE)
        findings = replace(findings, items=kept)
        self.found = replace(self.found, findings=findings, labelled=int(target.notna().sum()))
        for item in findings.blocking:
            self._blocks(DataError(item.sentence, remedy=item.remedy or None))
        fault = refused or misfit
        if fault is not None and self.found.acceptable:  # one reason for one fault
            self._blocks(fault)
        if reference is not None and cleaned is not None:
            self._drift(table, target, reference)

    def _beside(self, timed: pd.DataFrame) -> DataError | None:
        """How its rows join those that are known, as a run would join them; the error where they cannot."""
        from sopkit.modelling.accepted import Accepted, join, keys

        known = collected_rows(self.workspace, self.model)
        if known is None:
            return None
        alone = Accepted(str(self.found.digest), self.found.name, self.found.data)
        try:
            told = dict(join(known.table, [alone], self.model)[1][0])
        except DataError as error:
            return error
        told |= {"known": known.to_dict(), "by": list(self.model.data.id)}
        shared = [name for name in known.table.columns if name in timed.columns]
        same = keys(timed, shared).isin(keys(known.table, shared)) if shared else []
        told["rows_identical"] = int(sum(same))
        self.found = replace(self.found, overlap=told)
        if told["rows_added"] and told["rows_identical"] < len(timed):
            return None
        return DataError("every row of it is known: it would add nothing", got=known.words)

    def _drift(self, table: pd.DataFrame, target: pd.Series, reference: Known) -> None:
        from sopkit import evidence, modelling

        model, learned = self.model, reference.table
        name = model.target.column or "target"
        kind = "numeric" if model.target.task == "regression" else "categorical"
        drift = evidence.drift(
            learned.assign(**{name: modelling.target(learned, model)}),
            table.assign(**{name: target}),
            model.features,
            importance=reference.importance or None,
            target=(name, kind) if target.notna().any() else None,
            limit=model.triggers.limit_of("drift", evidence.rules.DRIFT.share),
            labels=(reference.words, "the new data set"),
            blocks=(evidence.blocks_of(learned, model), evidence.blocks_of(table, model)),
        )
        self.found = replace(self.found, drift=drift, reference=reference.to_dict())


def _told(error: DataError) -> dict[str, Any]:
    parts = {"sentence": error.what, "expected": error.expected, "got": error.got, "remedy": error.remedy}
    return {name: _short(part, 400) for name, part in parts.items() if part}


def _plain(value: object) -> object:
    """A number without the digits that its binary form adds."""
    return f"{value:.10g}" if isinstance(value, float) else value


def _short(value: object, longest: int = LONGEST) -> str:
    text = str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"
