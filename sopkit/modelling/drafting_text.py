"""A draft as YAML with comments: the comments are the point, so the text is written by hand and not dumped.

The rules:
* a name or value stands plain only where YAML reads it back as the same text, otherwise in quotes;
* a comment is one line, whatever stands in the data;
* what has to be asked is marked QUESTION, above the line where the answer goes, and is never cut short.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sopkit.definitions.durations import render_duration
from sopkit.modelling.drafting_columns import Look, shown

if TYPE_CHECKING:
    from sopkit.modelling.drafting import Draft

__all__ = ["questions_in", "quoted", "render"]

WIDTH, CONTINUED = 118, " " * 10
_PLAIN = re.compile(r"[^\W\d]\w*([ .\-/]\w+)*")
_SPECIAL = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(value: Any) -> str:
    """A value as YAML reads it back: numbers and truth values as they are, texts plain or in double quotes."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.isascii() and text.casefold() not in _SPECIAL:
        return text
    return '"' + "".join(_ESCAPES.get(sign, sign if _safe(sign) else _escaped(sign)) for sign in text) + '"'


def listed(values: Iterable[Any]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def render(draft: Draft) -> str:
    """The model file of a draft."""
    made = (_head, _data, _target, _features, _groups, _recipes, _rules)
    parts = [part(draft) for part in made]
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in parts if part) + "\n"


def _safe(sign: str) -> bool:
    return sign.isprintable()


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _line(text: str, comment: str = "") -> str:
    """A line with its comment behind it, cut where it would be too long."""
    if not comment:
        return text
    room = max(40, WIDTH - len(text) - 4)
    return f"{text}  # {comment if len(comment) <= room else comment[: room - 1] + '…'}"


def _ask(question: str, indent: str = "  ") -> list[str]:
    """A question as comment lines."""
    before = f"{indent}# QUESTION "
    return textwrap.wrap(question, WIDTH, initial_indent=before, subsequent_indent=f"{indent}#{CONTINUED}")


def questions_in(text: str) -> list[tuple[int, str]]:
    """Line number -> question, for each one in a model file that `render` made."""
    found: list[tuple[int, str]] = []
    asked = False
    for number, line in enumerate(text.splitlines(), 1):
        said = line.strip()
        if said.startswith("# QUESTION "):
            found.append((number, said.removeprefix("# QUESTION ")))
        elif said.startswith(f"#{CONTINUED}") and found and asked:
            found[-1] = (found[-1][0], f"{found[-1][1]} {said[1:].strip()}")
        asked = said.startswith(("# QUESTION ", f"#{CONTINUED}"))
    return found


def _head(draft: Draft) -> list[str]:
    first, last = draft.windows.first, draft.windows.last
    return [
        "# yaml-language-server: $schema=../../docs/schema/model.schema.json",
        "#",
        f"# A draft that `sop new` made from {shown(draft.source, 70)}:",
        f"# {draft.rows:,} rows from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} (UTC).",
        "# It runs as it stands, and it is guessed from names and values: nothing in it is certain. Answer what is",
        "# asked (QUESTION) and take the question away. What is not written follows the rules of evidence.",
        f"model: {draft.name}",
        "# title: what is predicted, in the words of those who use it",
        "# purpose: who acts on it, for which decision, and what it must not be used for",
    ]


def _data(draft: Draft) -> list[str]:
    away = "outside the workspace: it is read from there" if draft.source.startswith("/") else ""
    lines = ["data:", _line(f"  source: {quoted(draft.source)}", away)]
    if draft.query:
        lines.append(f"  query: {quoted(draft.query)}")
    if draft.arguments:
        inside = ", ".join(f"{name}: {quoted(value)}" for name, value in draft.arguments.items())
        lines.append(f"  arguments: {{{inside}}}")
    form = draft.format
    lines += _ask(form.question) if form.question else []
    lines.append(_line(f"  time: {quoted(draft.time)}", "" if form.written else form.note))
    if form.written:
        text = listed(form.written) if isinstance(form.written, list) else quoted(form.written)
        lines.append(_line(f"  time_format: {text}", form.note))
    lines += _ask("how long after a row is its label known? Write such as 30d; 0d says: at once")
    lines.append("  label_delay: 0d")
    if draft.id:
        lines.append(_line(f"  id: [{quoted(draft.id)}]", "names each row"))
    lines += _dependence(draft)
    if draft.missing_values:
        lines += _ask("do these texts mean that nothing is known?")
        lines.append(f"  missing_values: {listed(draft.missing_values)}")
    if draft.maybe_missing:
        words = ", ".join(map(shown, draft.maybe_missing))
        lines.append(f"  # {words} may mean 'missing' too, and is a value like any other as long as it is not listed")
    return lines + _ranges(draft)


def _dependence(draft: Draft) -> list[str]:
    entity, lines = draft.entity, []
    if entity:
        lines += _ask("is this whom or what a row is about? Rows of one such are then resampled together")
        lines.append(f"  {'' if entity.clear else '# '}entity: {quoted(entity.name)}")
    if draft.windows.coarse and not (entity and entity.clear):
        few = f"there are {draft.windows.distinct} different times, too few to resample in blocks of time."
        lines += _ask(
            f"{few} If no row tells about another, say why in words (take the # away). If some do, name `entity`, the "
            "column of whom they are about. Without either the evidence is insufficient, and nothing goes into service"
        )
        lines.append("  # rows_independent: each row is another client")
    return lines


def _ranges(draft: Draft) -> list[str]:
    known = [each for each in draft.features if each.kind == "numeric" and each.low is not None and each.distinct > 2]
    if not known:
        return []
    lines = [
        "  # columns:  # what a value may be; a violation is a finding, `severity: block` stops the run. Seen here:"
    ]
    for each in known[:15]:
        lines.append(f"  #   {quoted(each.name)}: {{min: {each.low:g}, max: {each.high:g}}}")
    return lines + (["  #   …"] if len(known) > 15 else [])


def _target(draft: Draft) -> list[str]:
    guess = draft.guess
    lines = [
        "target:",
        f"  column: {quoted(draft.target)}  # {guess.note}",
        *_ask(guess.question),
        f"  task: {guess.task}",
    ]
    if guess.positive is not None:
        lines.append(f"  positive: {quoted(guess.positive)}")
    if guess.task == "multiclass":
        one = quoted(guess.classes[-1][0])
        lines.append(f"  # task: binary  # then this one is told from all others: `positive: {one}`")
    return lines


def _features(draft: Draft) -> list[str]:
    lines = ["features:"]
    lines += _ask("which of these are not known yet when a prediction is made? Move them to `excluded`")
    codes = [each for each in draft.features if each.code and each.kind == "numeric"]
    if codes:
        names = ", ".join(shown(each.name, 24) for each in codes[:12])
        lines += _ask(
            f"whole numbers of few values may be amounts or codes (then: categorical). Which are these? {names}"
        )
    for each in draft.features:
        suspect = draft.suspects.get(each.name)
        if each.name in draft.strong:
            ask = f"{draft.strong[each.name]}: is it known when a prediction is made? Then say when, as known_at"
            lines += _ask(ask)
        lines += _suspected(each, suspect) if suspect else [_line(f"  {quoted(each.name)}: {each.kind}", _said(each))]
    return [*lines, *_excluded(draft)]


def _excluded(draft: Draft) -> list[str]:
    why = draft.excluded
    if not why:
        return []
    asked = [each for each in draft.columns if each.name in why and (each.name in draft.suspects or each.ask)]
    lines = ["", "excluded:  # columns that are there and are not used, and why"]
    if asked:
        one = f"{quoted(asked[0].name)}: {{type: {asked[0].kind}, known_at: in words}}"
        names = "is this" if len(asked) == 1 else f"are these {len(asked)}"
        lines += _ask(f"{names} known when a prediction is made? Then move up and say when, as in {one}")
    order = [*asked, *(each for each in draft.columns if each not in asked and each.name in why)]
    return lines + [f"  {quoted(each.name)}: {quoted(why[each.name])}" for each in order]


def _suspected(each: Look, why: str) -> list[str]:
    ask = f"when is it known? Say it under known_at, for without that the run stops: {why}"
    return [*_ask(ask), f"  {quoted(each.name)}:", f"    type: {each.kind}", "    # known_at: …"]


def _said(each: Look) -> str:
    return each.note + (f"; {each.missing:.0%} missing" if each.missing >= 0.005 else "")


def _groups(draft: Draft) -> list[str]:
    people = [name for name, why in draft.protected.items() if why != "place"]
    places = [name for name, why in draft.protected.items() if why == "place"]
    lines = []
    if draft.slices:
        lines.append(f"slices: {listed(draft.slices)}  # results are shown by these groups")
    if people:
        lines += _ask("may nobody be treated worse by these? Then a gap between their groups stops a promotion", "")
        lines.append(f"protected: {listed(people)}")
    if places:
        lines += _ask("do these stand for groups of people who may not be treated worse?", "")
        lines.append(f"# protected: {listed([*people, *places])}")
    return lines


def _recipes(draft: Draft) -> list[str]:
    lines = [
        "challengers:  # named overrides of the recipe (histogram gradient boosting unless `estimator` says otherwise)",
        "  all-past: {title: All past rows}",
    ]
    if draft.windows.recent is not None:
        length = render_duration(draft.windows.recent)
        lines.append(f"  recent: {{title: The last {length} only, window: {length}}}")
    return lines


def _rules(draft: Draft) -> list[str]:
    rows, window = draft.windows.rows, render_duration(draft.windows.evaluation)
    blocks = render_duration(draft.windows.blocks)
    few = "" if rows >= 200 else "; fewer than the 200 that a verdict needs"
    held_out = f"the newest rows, held out: {rows:,} of them as of {draft.windows.as_of:%Y-%m-%d}{few}"
    lines = ["evaluation:", _line(f"  window: {window}", held_out)]
    if blocks != "1d":
        lines.append(_line(f"  blocks: {blocks}", "rows of this length of time are resampled together"))
    if draft.guess.task == "binary":
        lines += [*_ask("from which probability on does somebody act?"), "  # threshold: 0.5"]
    if window == "30d":
        return lines
    short = draft.windows.evaluation.days < 7
    return [
        *lines,
        "",
        "triggers:",
        *([f"  cool_down: {window}"] if short else []),
        "  conditions:",
        "    stale: {kind: staleness, value: 180d}",
        "    more-data: {kind: volume, value: 1x}  # as many new labelled rows as the champion has learned from",
        f"    drift: {{kind: drift, value: 0.3, window: {window}}}",
        f"    performance: {{kind: performance, value: 0.02, window: {window}}}",
        "    manual: {kind: manual, mode: manual}",
        *(["", f"promotion: {{soak: {window}}}"] if short else []),
    ]
