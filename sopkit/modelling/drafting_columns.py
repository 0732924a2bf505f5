"""What a column looks like to somebody who sees it for the first time: a guess, with its reason, never a fact.

The rules:
* a column that names its rows, has one value, hardly any value, or is a date of its own is no feature, and it is
  said why;
* numbers that arrived as text are numbers; whole numbers of few values may be codes: that is asked, not decided;
* words that mean 'missing' are taken for that only where other values remain beside them in every column; among many
  texts a word as rare as any other may be a name, and is only mentioned;
* what names things is no feature, and so is no category that stands for the same things;
* long texts are text features, short ones categories.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from sopkit.modelling.drafting_names import as_numbers, distinct_values, examples, is_text, shown, tokens
from sopkit.modelling.drafting_times import looks_like_dates

__all__ = ["Look", "look", "missing_words", "without_twins"]

Role = Literal["feature", "excluded"]
ALMOST_EMPTY, MOST_CODES, FEW_NUMBERS, LONG_TEXT_WORDS, STRAYS = 0.95, 50, 12, 5, 3
ROWS_A_VALUE, SOME = 5, 20  # a category of fewer rows a value teaches nothing; so many values may mean something
BY_NAME = "by its name"
MANY_VALUES, THOUSANDS = 200, 1000  # texts so many may be names; a category of thousands names things
TWIN = 0.95  # of the rows, both ways; beyond the 0.9 of what names rows, so that chance does not reach it
OURS = re.compile(r"fold|(prediction|naive)(_\d+)?")
MISSING = {
    "", "?", "-", "--", "---", ".", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "null", "(null)", "nil",
    "missing", "unknown", "not available", "not known", "not reported", "undefined", "unknown/invalid",
}  # fmt: skip
NAMES = {
    "id", "ids", "nr", "nbr", "no", "num", "number", "key", "uuid", "guid", "index", "idx", "instant", "sno", "row",
    "rownames",
}  # fmt: skip
LINES = {"index", "idx", "instant", "sno", "row", "rownames"}  # numbers of lines: they name no thing
THINGS = {
    "patient", "customer", "client", "user", "member", "person", "employee", "driver", "account", "machine", "device",
    "vehicle", "household", "borrower", "applicant", "student", "merchant", "card", "store", "shop", "engine", "sensor",
}  # fmt: skip
NONE = {"no", "none", "n", "false", "0", "never", "nein", "non"}
CODES = {"id", "code", "codes", "type", "class", "category", "region", "zip", "zipcode", "postcode", "zone", "sector"}


@dataclass(frozen=True)
class Look:
    """One column: feature of a `kind`, or excluded with `why`. `note` says what its values are like, in a few words.

    `names_rows`: each row has another value. `names_things`: an identifier that repeats, `clear` if its name says of
    what. `code`: a number that may stand for something else. `ask`: whether it is known in time has to be asked.
    `none`: a missing value may mean that there is none.
    """

    name: str
    role: Role
    kind: str = "numeric"
    why: str = ""
    note: str = ""
    distinct: int = 0
    missing: float = 0.0
    low: float | None = None
    high: float | None = None
    names_rows: bool = False
    names_things: bool = False
    clear: bool = False
    code: bool = False
    ask: bool = False
    none: bool = False


def missing_words(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Texts that mean 'missing', as they are written; and those that may mean it and are left alone.

    A word that is one of only two values of some column (`+` and `-`) is a value. A few texts in a column that holds
    numbers otherwise are such words too, unless they are values of another column.
    """
    found: dict[str, None] = {}
    kept: set[str] = set()
    doubted: dict[str, None] = {}
    strays: dict[str, None] = {}
    ordinary: set[str] = set()
    for name in table.columns:
        if not is_text(table[name]):
            continue
        values = [value for value in distinct_values(table[name]) if isinstance(value, str)]
        words = [value for value in values if value.strip().casefold() in MISSING]
        rare = _maybe_names(table[name], values, words)
        doubted |= dict.fromkeys(rare)
        found |= dict.fromkeys(word for word in words if word not in rare)
        if len(values) - len(words) < 2:
            kept |= set(words) - {"?"}
        kept |= {value for value in values if value.strip().casefold() == "none"}
        among = _among_numbers(table[name], values, words)
        strays |= dict.fromkeys(among)
        ordinary |= set(values) - set(among)
    found |= dict.fromkeys(value for value in strays if value not in ordinary)
    return [word for word in found if word not in kept], sorted(
        {*kept, *(each for each in doubted if each not in found)}
    )


def _maybe_names(column: pd.Series, values: list[str], words: list[str]) -> list[str]:
    """Those of `words` that may be names: made of letters, among many texts, in no more rows than the mean of them."""
    spelt = [word for word in words if word.replace(" ", "").isalpha()]
    if not spelt or len(values) <= MANY_VALUES or len(as_numbers(pd.Series(values))[1]) <= len(values) / 2:
        return []
    most = column.notna().sum() / len(values)
    return [word for word in spelt if (column == word).sum() <= most]


def _among_numbers(column: pd.Series, values: list[str], words: list[str]) -> list[str]:
    """The few texts, each once, of a column that holds numbers in nine of ten rows; empty for any other column."""
    rest = [value for value in as_numbers(pd.Series(values, dtype=object))[1] if value not in words]
    if not 0 < len(rest) <= STRAYS or len(values) - len(rest) < 5:
        return []
    return rest if column.isin(rest).sum() <= 0.1 * column.notna().sum() else []


def look(column: pd.Series, name: str, missing: Collection[str] = (), target: str = "") -> Look:
    """What the column looks like. `missing` are texts that mean 'missing', `target` is what is predicted."""
    known = column[~column.isin(list(missing))] if is_text(column) and missing else column
    known = known.dropna()
    gone = 1 - len(known) / max(len(column), 1)
    values = distinct_values(known)
    facts: dict[str, Any] = {"name": name, "distinct": len(values), "missing": gone}
    why = _unusable(known, values, gone, name, target)
    if why is not None and _may_mean_none(column, known, values, gone):
        note = f"{facts['distinct']} values: {examples(values)}"
        return Look(role="feature", kind="categorical", note=note, none=True, **facts)
    if why is None:
        return _usable(known, values, facts)
    if not why.startswith(BY_NAME):
        return Look(role="excluded", why=why, **facts)
    return replace(_usable(known, values, facts), role="excluded", why=why, ask=True, names_things=False)


def _usable(known: pd.Series, values: list[Any], facts: dict[str, Any]) -> Look:
    if is_text(known):
        return _text(known, values, facts)
    if pd.api.types.is_bool_dtype(known.dtype):
        return Look(role="feature", kind="categorical", note="true or false", **facts)
    if not pd.api.types.is_numeric_dtype(known.dtype):
        return Look(role="excluded", why=f"its values are of a kind ({known.dtype}) that no model takes", **facts)
    return _number(known.astype(float), facts)


def _may_mean_none(column: pd.Series, known: pd.Series, values: list[Any], gone: float) -> bool:
    """Whether words stand in few rows and nothing in the others, as where a holiday is named on holidays only."""
    blank = int(column.isna().sum())
    if not is_text(known) or min(len(known), blank) < SOME or len(values) > MOST_CODES or looks_like_dates(values):
        return False
    if any(str(value).strip().casefold() in NONE for value in values):
        return False  # it has a word for it
    return 2 * blank > gone * len(column) and (gone >= ALMOST_EMPTY or len(values) == 1)


def _unusable(known: pd.Series, values: list[Any], gone: float, name: str, target: str) -> str | None:
    if not name.strip() or re.fullmatch(r"Unnamed: \d+", name):
        return "it has no name"
    if OURS.fullmatch(name):
        return "forecasts have columns of this name: rename it where the data is made"
    if not len(known):
        return "it has no value in any row"
    if len(values) == 1:
        return f"it has one value only: {shown(values[0])}"
    if gone >= ALMOST_EMPTY:
        return f"{gone:.1%} of its values are missing"
    if any(isinstance(value, list | dict | tuple | set) for value in known.head(100)):
        return "its values are lists"
    if pd.api.types.is_datetime64_any_dtype(known.dtype) or (is_text(known) and looks_like_dates(values)):
        return "a date lies beyond what was trained on: make a length of time of it where the data is made"
    words = set(tokens(target))
    if len(target) >= 4 and words and words < set(tokens(name)):
        return f"{BY_NAME} it comes with the target {shown(target)}"
    return None


def _text(known: pd.Series, values: list[Any], facts: dict[str, Any]) -> Look:
    if not as_numbers(pd.Series(values))[1]:
        found = _number(as_numbers(known)[0], facts)
        return found if found.role == "excluded" else _noted(found, "numbers stored as text, ")
    texts = pd.Series(list(map(str, values[:2000])))
    words = float(texts.str.split().str.len().mean())
    many = facts["distinct"] > max(MOST_CODES, len(known) / 5)
    if many and words >= LONG_TEXT_WORDS and float(texts.str.len().mean()) > 40:
        return Look(role="feature", kind="text", note=f"free text, about {words:.0f} words", **facts)
    named = set(tokens(facts["name"]))
    of_id = bool(named & (NAMES | THINGS))
    if facts["distinct"] >= 0.9 * len(known) and len(known) >= 20:
        why = f"it names the row: {facts['distinct']:,} values in {len(known):,} rows"
        return Look(role="excluded", why=why, names_rows=facts["distinct"] == len(known), **facts)
    if of_id and facts["distinct"] > MOST_CODES:
        return Look(
            role="excluded",
            why=_names(facts, len(known)),
            names_things=not named & LINES,
            clear=bool(named & THINGS),
            **facts,
        )
    if facts["distinct"] > max(200, len(known) / ROWS_A_VALUE):
        why = f"too many values for its rows: {facts['distinct']:,} in {len(known):,}"
        return Look(role="excluded", kind="categorical", why=why, **facts)
    if facts["distinct"] > THOUSANDS:
        why = _names(facts, len(known))
        return Look(role="excluded", kind="categorical", why=why, names_things=True, **facts)
    note = f"{facts['distinct']:,} values: {examples(values)}"
    return Look(role="feature", kind="categorical", note=note, **facts)


def without_twins(table: pd.DataFrame, looks: list[Look]) -> list[Look]:
    """The looks without categories that map nearly one to one onto what names things, unless no feature would remain.

    Nearly: each tells the other in `TWIN` of the rows, as a title tells the number of the film.
    """
    things = [each for each in looks if each.names_things]
    twins = {
        each.name: thing.name
        for each in looks
        for thing in things
        if (each.role, each.kind) == ("feature", "categorical") and _one_to_one(table, each, thing)
    }
    if not any(each.role == "feature" and each.name not in twins for each in looks):
        return looks
    return [
        replace(each, role="excluded", why=f"it maps one to one onto {shown(twins[each.name])}, which names something")
        if each.name in twins
        else each
        for each in looks
    ]


def _one_to_one(table: pd.DataFrame, one: Look, other: Look) -> bool:
    if not TWIN / 2 < one.distinct / max(other.distinct, 1) < 2 / TWIN:
        return False
    pairs = table.groupby([one.name, other.name], observed=True).size()
    shares = (pairs.groupby(level=level).max().sum() / max(pairs.sum(), 1) for level in (0, 1))
    return all(share >= TWIN for share in shares)


def _number(known: pd.Series, facts: dict[str, Any]) -> Look:
    whole = bool((known == known.round()).all())
    low, high, distinct = float(known.min()), float(known.max()), facts["distinct"]
    words = set(tokens(facts["name"]))
    facts = {**facts, "low": low, "high": high}
    note = f"{low:g} to {high:g}"
    counts = known.is_monotonic_increasing or known.is_monotonic_decreasing
    if whole and distinct == len(known) and len(known) >= 20 and (counts or words & (NAMES | THINGS)):
        why = f"it names the row: {distinct:,} values in {len(known):,} rows"
        return Look(role="excluded", why=why, names_rows=True, **facts)
    if whole and words & ((NAMES - {"no", "num", "number"}) | THINGS) and distinct > MOST_CODES:
        return Look(
            role="excluded",
            why=_names(facts, len(known)),
            names_things=not words & LINES,
            clear=bool(words & THINGS),
            **facts,
        )
    if whole and distinct > 2 and words & CODES:
        return Look(role="feature", kind="categorical", note=f"{distinct:,} codes, {note}", code=True, **facts)
    few = whole and 2 < distinct <= FEW_NUMBERS
    return Look(role="feature", note=f"{distinct} whole numbers, {note}" if few else note, code=few, **facts)


def _names(facts: dict[str, Any], rows: int) -> str:
    return f"it names something ({facts['distinct']:,} values in {rows:,} rows); a model could learn it by heart"


def _noted(found: Look, before: str) -> Look:
    return replace(found, note=before + found.note)
