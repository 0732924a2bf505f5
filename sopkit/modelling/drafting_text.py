"""A draft as YAML with comments: the comments are the point, so the text is written by hand and not dumped.

Each section of the file is a function here; how lines, comments and questions are written: `drafting_lines`; the
features and what is left out: `drafting_features`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sopkit.definitions.durations import render_duration
from sopkit.modelling.drafting_features import features
from sopkit.modelling.drafting_lines import ask, line, listed, quoted
from sopkit.modelling.drafting_names import shown
from sopkit.modelling.drafting_people import MAYBE
from sopkit.modelling.drafting_windows import BLOCKS

if TYPE_CHECKING:
    from sopkit.modelling.drafting import Draft

MOST_SHOWN = 3

__all__ = ["render"]


def render(draft: Draft) -> str:
    """The model file of a draft."""
    made = (_head, _data, _target, features, _groups, _recipes, _rules)
    parts = [part(draft) for part in made]
    return "\n\n".join("\n".join(each.rstrip() for each in part) for part in parts if part) + "\n"


def _head(draft: Draft) -> list[str]:
    first, last = draft.windows.first, draft.windows.last
    known = f"; those with a target, without the {draft.unlabelled:,} newest" if draft.unlabelled else ""
    return [
        "# yaml-language-server: $schema=../../docs/schema/model.schema.json",
        "#",
        f"# A draft that `sop new` made from {shown(draft.source, 70)}:",
        f"# {draft.rows:,} rows{known}, from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} (UTC).",
        "# It runs as it stands, and it is guessed from names and values: nothing in it is certain. Answer what is",
        "# asked (QUESTION) and take the question away. What is not written follows the rules of evidence.",
        f"model: {draft.name}",
        "# title: what is predicted, in the words of those who use it",
        "# purpose: who acts on it, for which decision, and what it must not be used for",
    ]


def _data(draft: Draft) -> list[str]:
    away = "outside the workspace: it is read from there" if draft.source.startswith("/") else ""
    lines = ["data:", line(f"  source: {quoted(draft.source)}", away)]
    if draft.query:
        lines.append(f"  query: {quoted(draft.query)}")
    if draft.arguments:
        inside = ", ".join(f"{name}: {quoted(value)}" for name, value in draft.arguments.items())
        lines.append(f"  arguments: {{{inside}}}")
    form = draft.format
    lines += ask(form.question) if form.question else []
    lines.append(line(f"  time: {quoted(draft.time)}", "" if form.written else form.note))
    if form.written:
        text = listed(form.written) if isinstance(form.written, list) else quoted(form.written)
        lines.append(line(f"  time_format: {text}", form.note))
    newest = f" (the {draft.unlabelled:,} newest rows have none)" if draft.unlabelled else ""
    lines += ask(f"how long after a row is its label known{newest}? Write such as 30d; 0d says: at once")
    lines.append("  label_delay: 0d")
    if draft.id:
        lines.append(line(f"  id: [{quoted(draft.id)}]", "names each row"))
    lines += _dependence(draft)
    if draft.missing_values:
        lines += ask("do these texts mean that nothing is known?")
        lines.append(f"  missing_values: {listed(draft.missing_values)}")
    if draft.maybe_missing:
        words = ", ".join(map(shown, draft.maybe_missing))
        lines.append(f"  # {words} may mean 'missing' too, and is a value like any other as long as it is not listed")
    return lines + _ranges(draft)


def _dependence(draft: Draft) -> list[str]:
    entity, lines = draft.entity, []
    if entity is not None and entity == draft.series:
        lines += ask(
            "each of its values has a row at nearly every time: are they what rows are about? Then each is compared "
            "with its own past, and rows of one are resampled together"
        )
        lines.append(f"  entity: {quoted(entity)}")
    elif draft.maybe_series and not draft.entity:
        lines += ask("its values have rows at the same times, over and over: are they what rows are about?")
        lines.append(f"  # entity: {quoted(draft.maybe_series)}")
    elif draft.things:
        thing = draft.things[0]
        few = f" ({thing.missing:.0%} of the rows have none, and would count as rows of one)" if thing.missing else ""
        lines += ask(f"is this whom or what a row is about{few}? Rows of one such are then resampled together")
        lines.append(f"  {'' if entity == thing.name else '# '}entity: {quoted(thing.name)}")
    if draft.windows.coarse and entity is None:
        few = f"there are {draft.windows.distinct} different times, too few to resample in blocks of time."
        same = f" ({listed(draft.shared[:6])[1:-1]}: one value a time, so that rows of one time share it)"
        lines += ask(
            f"{few} If no row tells about another{same if draft.shared else ''}, say why in words (take the # away). "
            "If some do, name `entity`, the column of whom they are about. Without either the evidence is "
            "insufficient, and nothing goes into service"
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
    lines += ["  #   …"] if len(known) > 15 else []
    return lines + [each for name, why in draft.odd.items() for each in ask(f"{why} (see {quoted(name)})")]


def _target(draft: Draft) -> list[str]:
    guess = draft.guess
    lines = [
        "target:",
        f"  column: {quoted(draft.target)}  # {guess.note}",
        *ask(guess.question),
        f"  task: {guess.task}",
    ]
    if guess.positive is not None:
        lines.append(f"  positive: {quoted(guess.positive)}")
    if guess.task == "multiclass":
        first, *others = (quoted(value) for value, _ in guess.classes[:MOST_SHOWN])
        lines.append("  # task: binary  # one is told from all others, such as one of the commonest:")
        lines.append(line(f"  # positive: {first}", f"or {' or '.join(others)}"))
    return lines


def _groups(draft: Draft) -> list[str]:
    people = [name for name, why in draft.protected.items() if why not in MAYBE]
    places = [name for name, why in draft.protected.items() if why in MAYBE]
    lines = []
    if draft.slices:
        lines.append(f"slices: {listed(draft.slices)}  # results are shown by these groups")
    if people:
        lines += ask("may nobody be treated worse by these? Then a gap between their groups stops a promotion", "")
        lines.append(f"protected: {listed(people)}")
    if places:
        lines += ask("do these stand for groups of people who may not be treated worse?", "")
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
    lines = ["evaluation:", line(f"  window: {window}", held_out)]
    if blocks != "1d":
        lines.append(line(f"  blocks: {blocks}", "rows of this length of time are resampled together"))
    if draft.guess.task == "binary":
        lines += [*ask("from which probability on does somebody act?"), "  # threshold: 0.5"]
    if draft.entity is not None and draft.entity == draft.series and draft.series_count < BLOCKS:
        lines.append(line("  by_entity: false", f"{draft.series_count} of them are too few to be resampled"))
    if window == "30d":
        return lines
    short = draft.windows.evaluation.days < 7
    return [
        *lines,
        "",
        "triggers:",
        *([f"  cool_down: {window}"] if short else []),
        "  conditions:",
        f"    stale: {{kind: staleness, value: {render_duration(draft.windows.stale)}}}",
        "    more-data: {kind: volume, value: 1x}  # as many new labelled rows as the champion has learned from",
        f"    drift: {{kind: drift, value: 0.3, window: {window}}}",
        f"    performance: {{kind: performance, value: 0.02, window: {window}}}",
        "    manual: {kind: manual, mode: manual}",
        *(["", f"promotion: {{soak: {window}}}"] if short else []),
    ]
