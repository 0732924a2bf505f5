"""A model file drafted from data that nobody has described: what is decided, why, and what has to be asked.

The rules:
* nothing is certain: what names and values suggest is written down, with the reason beside it, and what only people
  know (when a label is known, whether a column was known in time, who is protected) is a question;
* what would stop a run is kept out of the features and says why, so that the draft runs as it stands;
* the same table gives the same draft; nothing here reads a file or the clock.

    draft = modelling.draft(table, name="churn", source="customers.csv", time="month_end", target="left")
    draft = draft.without({"exit_code": "alone it predicts the target suspiciously well (AUC 0.99)"})
    draft.text        # the model file, as YAML with comments
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import Data, Task
from sopkit.errors import DataError, NotFound
from sopkit.modelling.drafting_columns import Look, look, missing_words, protected_by, shown, tokens
from sopkit.modelling.drafting_targets import TargetGuess, guess_target, same_as_target
from sopkit.modelling.drafting_times import TimeFormat, Windows, find_format, windows
from sopkit.modelling.times import read_times

__all__ = ["Draft", "candidates", "draft"]

OUTCOMES = {
    "target", "label", "y", "class", "outcome", "churn", "churned", "default", "defaulted", "fraud", "response",
    "result", "survived", "converted", "conversion", "revenue", "price", "sales", "demand", "score", "status",
}  # fmt: skip
TIMES = {"date", "time", "timestamp", "datetime", "day", "month", "year", "period", "week", "quarter", "created", "at"}
MOST_LISTED, MOST_SLICES, MOST_GROUPS = 8, 3, 12
FEWEST = Data.model_fields["minimum_rows"].default
LOOKED_AT = 2000  # rows that are enough to name columns that may be meant


@dataclass(frozen=True)
class Draft:
    """What was guessed; `text` is the model file.

    `suspects`: column -> why it may know the answer; `strong`: feature -> why it is asked about.
    """

    name: str
    source: str
    time: str
    format: TimeFormat
    windows: Windows
    target: str
    guess: TargetGuess
    columns: tuple[Look, ...]
    rows: int
    missing_values: tuple[str, ...] = ()
    maybe_missing: tuple[str, ...] = ()
    protected: Mapping[str, str] = field(default_factory=dict)
    suspects: Mapping[str, str] = field(default_factory=dict)
    strong: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    query: str | None = None

    @property
    def features(self) -> list[Look]:
        """The columns that the model may learn from. If nothing else is left, suspects are among them."""
        usable = [each for each in self.columns if each.role == "feature"]
        clean = [each for each in usable if each.name not in self.suspects]
        return clean or usable

    @property
    def excluded(self) -> dict[str, str]:
        """Column -> why it is not a feature."""
        kept = {each.name for each in self.features}
        found = {each.name: each.why for each in self.columns if each.role == "excluded"}
        return found | {name: why for name, why in self.suspects.items() if name not in kept}

    @property
    def id(self) -> str | None:
        """The column that names each row, if there is one."""
        return next((each.name for each in self.columns if each.names_rows), None)

    @property
    def entity(self) -> Look | None:
        """The column of what rows may belong to: an identifier that repeats, best one whose name says of what."""
        things = [each for each in self.columns if each.names_things]
        return max(things, key=lambda each: (each.clear, each.distinct)) if things else None

    @property
    def slices(self) -> list[str]:
        """Categories of few values that nobody has to protect: results are shown by them."""
        few = [c for c in self.features if c.kind == "categorical" and 2 <= c.distinct <= MOST_GROUPS]
        few = [c for c in few if c.name not in self.protected and c.missing < 0.5]
        return [c.name for c in sorted(few, key=lambda c: -c.distinct)[:MOST_SLICES]]

    @cached_property
    def text(self) -> str:
        """The model file."""
        from sopkit.modelling.drafting_text import render

        return render(self)

    @property
    def questions(self) -> list[tuple[int, str]]:
        """Line in the model file -> what has to be answered there."""
        from sopkit.modelling.drafting_text import questions_in

        return questions_in(self.text)

    @property
    def decisions(self) -> list[tuple[str, str, str]]:
        """What was decided, for a table: what, decided, because."""
        kinds = Counter(each.kind for each in self.features)
        features = ", ".join(f"{kinds[kind]} {kind}" for kind in ("numeric", "categorical", "text") if kinds[kind])
        window, span = self.windows, f"{self.windows.first:%Y-%m-%d} to {self.windows.last:%Y-%m-%d}"
        form = self.format.written
        written = "" if form is None else f" as {form if isinstance(form, str) else ' or '.join(form)}"
        rows = [
            ("time", f"{self.time}{written}", f"{self.format.note}; {window.distinct:,} different ones, {span}"),
            ("target", f"{self.target}: {self.guess.task}", self.guess.note),
            ("features", features, f"of {len(self.columns)} columns"),
        ]
        rows += [("excluded", shown(name), why) for name, why in self.excluded.items()]
        rows += [("missing", ", ".join(map(shown, self.missing_values)), "these texts")] if self.missing_values else []
        if self.entity and self.entity.clear:
            rows.append(("entity", self.entity.name, "its values repeat"))
        people = [name for name, why in self.protected.items() if why != "place"]
        rows += [("protected", ", ".join(people), "by name or values")] if people else []
        held_out = f"the newest {window.rows:,} rows are held out"
        if self.rows < FEWEST:
            rows.append(
                ("rows", f"{self.rows:,}", f"too few: a run needs {FEWEST} (data.minimum_rows), a verdict more")
            )
        rows.append(("window", render_duration(window.evaluation), held_out))
        return rows

    def without(self, suspects: Mapping[str, str]) -> Draft:
        """The draft with these columns taken out of the features, and asked about."""
        return replace(self, suspects={**self.suspects, **suspects})

    def asking(self, strong: Mapping[str, str]) -> Draft:
        """The draft with these features asked about."""
        return replace(self, strong=dict(strong))

    def in_time(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows with their times read, as `modelling.read` gives them."""
        times = read_times(table[self.time], self.format.written, name=self.time, source=self.source)
        return table.assign(**{self.time: times})


def draft(
    table: pd.DataFrame,
    *,
    name: str,
    source: str,
    time: str,
    target: str,
    arguments: Mapping[str, Any] | None = None,
    query: str | None = None,
    task: Task | None = None,
) -> Draft:
    """A draft for `table`, whose rows came to be at `time` and have their answer in `target`.

    Raises NotFound for a column that is not there, DataError where time or target cannot be what they are said to be.
    """
    if not len(table):
        raise DataError("the data has columns and no rows", where=source, expected="rows", got="0 rows")
    for option, column in (("--time", time), ("--target", target)):
        if column not in table.columns:
            raise NotFound(f"there is no column {column!r} ({option})", where=source, **_meant(table, option))
    if time == target:
        raise DataError(
            "time and target are the same column", where=source, got=time, **_meant(table, "--target", time)
        )
    words, maybe = missing_words(table)
    try:
        written = find_format(table[time], time)
        times = read_times(table[time], written.written, name=time, source=source)
        fitting = windows(times)
    except DataError as error:
        facts = {"where": source, "expected": error.expected, "got": error.got}
        raise DataError(error.what, **facts, **_meant(table, "--time", time)) from None
    values = table[target].mask(table[target].isin(words)) if words else table[target]
    guess = guess_target(values, target, task)
    looks = [look(table[each], each, words, target) for each in table.columns if each not in (time, target)]
    copies = [each.name for each in looks if same_as_target(table[each.name], values, guess.task)]
    looks = [
        replace(each, role="excluded", why=f"it is the target {shown(target)} under another name")
        if each.name in copies
        else each
        for each in looks
    ]
    if not any(each.role == "feature" for each in looks):
        raise DataError(
            "no column is left that a model could learn from",
            where=source,
            expected="at least one column beside time and target that is neither an identifier nor constant",
            got="; ".join(f"{shown(each.name)}: {each.why}" for each in looks) or "only time and target",
        )
    protected = {each.name: why for each in looks if (why := protected_by(each.name, table[each.name])) is not None}
    return Draft(
        name=name,
        source=source,
        time=time,
        format=written,
        windows=fitting,
        target=target,
        guess=guess,
        columns=tuple(looks),
        rows=len(table),
        missing_values=tuple(words),
        maybe_missing=tuple(maybe),
        protected={n: why for n, why in protected.items() if _groups(looks, n)},
        arguments=dict(arguments or {}),
        query=query,
    )


def candidates(table: pd.DataFrame) -> dict[str, list[str]]:
    """Columns that may be meant: `time` and `target`, likely ones first, at most a few of each."""
    some = table.head(LOOKED_AT)
    times, targets = [], []
    for place, name in enumerate(some.columns):
        column, words = some[name], set(tokens(name))
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        try:
            form = find_format(column, name)
            clear = not (form.written == "day-number" or (numeric and form.written in ("%Y", "%Y%m", "unix")))
            if clear or words & TIMES:
                times.append((not clear, not words & TIMES, place, name))
        except DataError:
            pass
        values = column.dropna()
        distinct = values.astype(str).nunique()
        if words & OUTCOMES or distinct == 2 or name == some.columns[-1]:
            targets.append((not words & OUTCOMES, name != some.columns[-1], place, name))
    return {
        "time": [row[-1] for row in sorted(times)[:MOST_LISTED]],
        "target": [row[-1] for row in sorted(targets)[:MOST_LISTED]],
    }


def _meant(table: pd.DataFrame, option: str, wrong: str = "") -> dict[str, Any]:
    """What to say of columns that may be meant instead of a `wrong` one: arguments of an error."""
    found = [name for name in candidates(table)[option.removeprefix("--")] if name != wrong]
    if not found:
        return {"remedy": f"no other column looks like it; there are: {', '.join(map(shown, table.columns[:30]))}"}
    return {"remedy": f"{option} may be: {', '.join(map(repr, found))}"}


def _groups(looks: list[Look], name: str) -> bool:
    """Whether a column can be shown by group: few values, or numbers that are cut into bands."""
    (found,) = (each for each in looks if each.name == name)
    return not found.names_rows and found.distinct > 1 and (found.kind == "numeric" or found.distinct <= 60)
