"""The features of a draft and the columns that are left out, as lines of the model file.

What a name or the values hint at is asked above the feature that it is about: a code or an amount, an answer that comes
later (`response`, `outcome`, `closed`; not `previous_outcome`), a missing value that may mean 'none'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sopkit.modelling.drafting_columns import Look
from sopkit.modelling.drafting_lines import ask, line, quoted
from sopkit.modelling.drafting_names import shown, tokens

if TYPE_CHECKING:
    from sopkit.modelling.drafting import Draft

__all__ = ["features"]

MOST_NAMED, MOST_STRONG = 12, 8
LATER = {
    "response", "responded", "reply", "replied", "answer", "result", "results", "outcome", "closed", "resolved",
    "resolution", "updated", "completed", "finished", "ended", "settled", "disputed", "refunded", "discharge",
    "cancelled", "canceled", "final",
}  # fmt: skip
BEFORE = {"previous", "prev", "last", "prior", "past", "former", "not"}
UNITS = {"unix": ', unit="s"', "unix-ms": ', unit="ms"', "day-number": ', unit="D"'}


def features(draft: Draft) -> list[str]:
    """The features with what is asked about them, then the columns that are left out, with the reason."""
    lines = ["features:"]
    lines += ask("which of these are not known yet when a prediction is made? Move them to `excluded`")
    numbers = [each for each in draft.features if each.code and each.kind == "numeric"]
    codes = [each for each in draft.features if each.code and each.kind == "categorical"]
    for looks, asked in (
        (numbers, "amounts or codes (then: categorical)"),
        (codes, "codes or amounts (then: numeric)"),
    ):
        if looks:
            more = f" and {len(looks) - MOST_NAMED} more" if len(looks) > MOST_NAMED else ""
            names = ", ".join(shown(each.name, 24) for each in looks[:MOST_NAMED])
            taken = "numbers" if looks is numbers else "codes"
            lines += ask(f"whole numbers of few values may be {asked}. Taken for {taken}: {names}{more}. Right?")
    lines += _rhythm(draft)
    lines += _strong(draft)
    for each in draft.features:
        lines += _feature(each, draft)
    return [*lines, *_excluded(draft)]


def _feature(each: Look, draft: Draft) -> list[str]:
    lines, suspect = [], draft.suspects.get(each.name)
    later = set(tokens(each.name)) & LATER and not set(tokens(each.name)) & BEFORE
    if later and not suspect and each.name not in draft.strong:
        lines += ask("its name says that it comes later: is it known when a prediction is made? Otherwise: `excluded`")
    if each.none:
        share = f"{each.missing:.1%}"
        lines += ask(f"{share} of its values are missing: does that say that there is none? Otherwise: `excluded`")
    return lines + (
        _suspected(each, suspect) if suspect else [line(f"  {quoted(each.name)}: {each.kind}", _said(each))]
    )


def _strong(draft: Draft) -> list[str]:
    """One question about all features that tell much of the target alone, the strongest first."""
    names = [name for name in draft.strong if name in {each.name for each in draft.features}]
    if not names:
        return []
    listed = ", ".join(f"{shown(name)} ({draft.strong[name]})" for name in names[:MOST_STRONG])
    more = f" and {len(names) - MOST_STRONG} more" if len(names) > MOST_STRONG else ""
    if len(names) == 1:
        asked = "alone predicts the target well: is it known when a prediction is made? Then say when, as known_at"
    else:
        asked = (
            "each alone predict the target well: are they known when a prediction is made? Then say of each when, as "
            "known_at; otherwise: `excluded`"
        )
    return ask(f"{listed}{more} {asked}")


def _rhythm(draft: Draft) -> list[str]:
    """The question about hour and weekday, with the lines to add."""
    if not draft.rhythms:
        return []
    by = " and the ".join({"hour": "hour of the day", "weekday": "day of the week"}[each] for each in draft.rhythms)
    form = draft.format.written
    how = UNITS.get(form, f", format={form!r}") if isinstance(form, str) else ', format="mixed"' if form else ""
    code = {"hour": "at.dt.hour", "weekday": "at.dt.dayofweek"}
    kinds = {"hour": "numeric", "weekday": "categorical"}
    made = ", ".join(f"{each}={code[each]}" for each in draft.rhythms)
    question = (
        f"the target goes by the {by}, and no feature says it: a forecast that only repeats the last week may do "
        "better. Shall the model know? Then add it where the data is made (`source` may be a function: see "
        "docs/model-file.md), and take the # away"
    )
    return [
        *ask(question),
        f"  #   at = pd.to_datetime(t[{draft.time!r}]{how})",
        f"  #   t = t.assign({made})",
        *(f"  # {each}: {kinds[each]}" for each in draft.rhythms),
    ]


def _excluded(draft: Draft) -> list[str]:
    why = draft.excluded
    if not why:
        return []
    asked = [each for each in draft.columns if each.name in why and (each.name in draft.suspects or each.ask)]
    lines = ["", "excluded:  # columns that are there and are not used, and why"]
    if asked:
        one = f"{quoted(asked[0].name)}: {{type: {asked[0].kind}, known_at: in words}}"
        names = "is this" if len(asked) == 1 else f"are these {len(asked)}"
        lines += ask(f"{names} known when a prediction is made? Then move up and say when, as in {one}")
    order = [*asked, *(each for each in draft.columns if each not in asked and each.name in why)]
    return lines + [f"  {quoted(each.name)}: {quoted(why[each.name])}" for each in order]


def _suspected(each: Look, why: str) -> list[str]:
    question = f"when is it known? Say it under known_at, for without that the run stops: {why}"
    return [*ask(question), f"  {quoted(each.name)}:", f"    type: {each.kind}", "    # known_at: …"]


def _said(each: Look) -> str:
    share = f"{each.missing:.0%}" if each.missing < 0.995 else f"{each.missing:.1%}"
    return (f"{share} missing; " if each.missing >= 0.005 else "") + each.note  # the end of a long note is cut off
