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
from sopkit.modelling.drafting_candidates import meant
from sopkit.modelling.drafting_codes import code_or_amount
from sopkit.modelling.drafting_columns import Look, look, missing_words, without_twins
from sopkit.modelling.drafting_names import shown
from sopkit.modelling.drafting_parts import parts_of_time
from sopkit.modelling.drafting_people import MAYBE, protected_by
from sopkit.modelling.drafting_series import rhythms, series_of, shared_by_rows, time_again
from sopkit.modelling.drafting_targets import TargetGuess, guess_target, same_as_target, target_numbers
from sopkit.modelling.drafting_times import TimeFormat, find_format
from sopkit.modelling.drafting_windows import Windows, windows
from sopkit.modelling.times import read_times

__all__ = ["Draft", "draft"]

MOST_SLICES, MOST_GROUPS = 3, 12
FEWEST = Data.model_fields["minimum_rows"].default
MOST_WRITTEN, MOST_PLACES = 60, 250  # groups; there are some 200 countries
FEW_WITHOUT = 0.05  # rows without an entity would count as those of one


@dataclass(frozen=True)
class Draft:
    """What was guessed; `text` is the model file.

    `suspects`: column -> why it may know the answer; `strong`: feature -> how well it alone tells the target,
    strongest first; `series`: the column whose values have a row each at nearly every time; `rhythms`: what the target
    goes by that no feature says;
    `shared`: features of one value a time; `unlabelled`: rows newer than the newest with a target; `odd`: feature ->
    a number in it that may stand for something else.
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
    series: str | None = None
    series_count: int = 0
    maybe_series: str | None = None
    rhythms: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    unlabelled: int = 0
    suspects: Mapping[str, str] = field(default_factory=dict)
    strong: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
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
    def entity(self) -> str | None:
        """The column of what rows belong to, where that is clear: its name says of what, or it names series."""
        things = [each for each in self.things if each.clear and each.missing < FEW_WITHOUT]
        return things[0].name if things else self.series

    @property
    def things(self) -> list[Look]:
        """Identifiers that repeat and may be the entity, best one first."""
        things = [each for each in self.columns if each.names_things]
        return sorted(things, key=lambda each: (-each.clear, -each.distinct))

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
        from sopkit.modelling.drafting_lines import questions_in

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
        if self.entity:
            why = "each of its values has a row at nearly every time" if self.entity == self.series else "it repeats"
            rows.append(("entity", self.entity, why))
        people = [name for name, why in self.protected.items() if why not in MAYBE]
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

    def asking(self, strong: Mapping[str, str], odd: Mapping[str, str]) -> Draft:
        """The draft with these features asked about: strong ones, and those with a number that is none."""
        return replace(self, strong=dict(strong), odd=dict(odd))

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
            raise NotFound(
                f"there is no column {column!r} ({option})", where=source, remedy=meant(table, option, source)
            )
    if time == target:
        raise DataError(
            "time and target are the same column",
            where=source,
            got=time,
            remedy=meant(table, "--target", source, time),
        )
    words, maybe = missing_words(table)
    values = table[target].mask(table[target].isin(words)) if words else table[target]
    guess = guess_target(values, target, task)
    known = values.notna()
    parts = parts_of_time(table)
    try:
        if time in parts.values():
            raise DataError(
                f"the time is spread over columns: {', '.join(map(repr, parts.values()))}",
                expected="one column that says when a row came to be",
                got=f"--time {time} puts rows of different times at one moment",
            )
        written = find_format(table[time], time)
        times = read_times(table[time], written.written, name=time, source=source)
        fitting = windows(times[known])
    except DataError as error:
        told = meant(table, "--time", source, time)
        raise DataError(error.what, where=source, expected=error.expected, got=error.got, remedy=told) from None
    looks = [look(table[each], each, words, target) for each in table.columns if each not in (time, target)]
    numbers = target_numbers(values, guess)
    looks = [_beside(each, table[each.name], times, numbers, values, target, guess) for each in looks]
    looks = without_twins(table, looks)
    if not any(each.role == "feature" for each in looks):
        raise DataError(
            "no column is left that a model could learn from",
            where=source,
            expected="at least one column beside time and target that is neither an identifier nor constant",
            got="; ".join(f"{shown(each.name)}: {each.why}" for each in looks) or "only time and target",
            remedy="add what is known beforehand where the data is made: the hour, the weekday, the value a week ago",
        )
    protected = {each.name: why for each in looks if (why := protected_by(each.name, table[each.name])) is not None}
    features = [each.name for each in looks if each.role == "feature"]
    named = [each.name for each in looks if each.names_things or (each.role, each.kind) == ("feature", "categorical")]
    series, sure = series_of(table, times, named)
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
        protected={n: why for n, why in protected.items() if _groups(looks, n, why)},
        series=series if sure else None,
        series_count=int(table[series].nunique()) if series else 0,
        maybe_series=None if sure else series,
        rhythms=tuple(rhythms(table, times, numbers, features)) if guess.task != "multiclass" else (),
        shared=tuple(shared_by_rows(table, times, features)) if fitting.coarse else (),
        unlabelled=int((times > fitting.last).sum()),
        arguments=dict(arguments or {}),
        query=query,
    )


def _beside(
    found: Look,
    column: pd.Series,
    times: pd.Series,
    numbers: pd.Series,
    values: pd.Series,
    target: str,
    guess: TargetGuess,
) -> Look:
    """What a column looks like beside time and target: one of them once more, or a code."""
    if same_as_target(column, values, guess.task):
        return replace(found, role="excluded", why=f"it is the target {shown(target)} under another name")
    if found.role == "excluded":
        return found
    if (why := time_again(column, times)) is not None:
        return replace(found, role="excluded", why=why)
    if found.kind != "numeric" or not pd.api.types.is_numeric_dtype(column.dtype):
        return found
    seen = code_or_amount(column, numbers, found.name)
    kind = "categorical" if seen == "code" else "numeric"
    return replace(found, kind=kind, code=seen is not None)


def _groups(looks: list[Look], name: str, why: str) -> bool:
    """Whether a column can be shown by group: few values, or numbers that are cut into bands."""
    (found,) = (each for each in looks if each.name == name)
    most = MOST_PLACES if why in MAYBE else MOST_WRITTEN
    return not found.names_rows and found.distinct > 1 and (found.kind == "numeric" or found.distinct <= most)
