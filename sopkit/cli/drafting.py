"""A model file drafted from data, for `sop new --data`: read, guess, look for leaks, write, and say what was done.

It is here that guessing (`modelling`) and suspecting (`evidence`) meet: rooms of one floor do not know each other.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sopkit.errors import DataError, WrongUse

if TYPE_CHECKING:
    from sopkit.modelling.drafting import Draft

__all__ = ["make_draft", "name_of", "place_of", "refuse_existing", "report_draft", "write_draft"]

ASKS_FROM = 0.75  # of what one feature alone tells: a run stops later, but a draft may ask early
ROUNDS = 8  # of looking for leaks: without the first suspects, columns may add up to the target no more


def name_of(model: str | None, data: str) -> str:
    """The model's name: as given, or made of the file's. Raises WrongUse for one that cannot be a name."""
    stem = Path(data.rpartition("/")[2]).name.partition(".")[0]
    name = model or re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        expected = "small letters, digits and dashes, a letter first; such as churn"
        raise WrongUse("not a name for a model", expected=expected, got=name or data, remedy="name it with --model")
    return name


def place_of(data: str, root: Path) -> str:
    """`data` as the model file names it: below the workspace if it lies there, otherwise by its full path."""
    if "://" in data:
        return data
    path = Path(os.path.abspath(Path(data).expanduser()))
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def make_draft(data: str, root: Path, *, name: str, time: str | None, target: str | None, query: str | None) -> Draft:
    """The draft for the data. Raises WrongUse with the columns that may be meant where time or target is not named."""
    from datetime import UTC, datetime

    from sopkit import modelling
    from sopkit.modelling.drafting import draft
    from sopkit.modelling.drafting_candidates import candidates, no_time
    from sopkit.modelling.drafting_sources import read_undescribed

    source, now = place_of(data, root), datetime.now(UTC)
    table, arguments = read_undescribed(source, root, as_of=now, query=query, credentials=os.environ)
    if time is None or target is None:
        found = candidates(table)
        how = "" if time or found["time"] else no_time(table, source)
        raise _unnamed(data, time, target, found, list(map(str, table.columns)), how)
    made = draft(table, name=name, source=source, time=time, target=target, arguments=arguments, query=query)
    _refuse_the_future(made, now)
    rows = made.in_time(table)
    for _ in range(ROUNDS):
        suspects, strong = _leaks(made, rows, modelling)
        left = len(made.features) - len(suspects)
        made = made.without(suspects)
        if not suspects or not left:
            break
    return made.asking(strong, _odd(made, rows))


def write_draft(made: Draft, root: Path) -> Path:
    """The model file in the workspace. Raises WrongUse if there is one of this name."""
    path = refuse_existing(root, made.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(made.text)
    return path


def refuse_existing(root: Path, name: str) -> Path:
    """Where the model file will lie. Raises WrongUse if there is one of this name."""
    path = root / "templates" / "models" / f"{name}.yaml"
    if path.exists():
        remedy = "name another one with --model, or move that file away"
        raise WrongUse("there is a model file of this name, and it stays as it is", where=path, remedy=remedy)
    return path


def report_draft(made: Draft, path: Path, folder: str | None) -> None:
    """What was decided and why, what has to be answered, and the commands that come next."""
    from rich.table import Table
    from rich.text import Text

    from sopkit.cli.looking import print_view

    table = Table("", "decided", "because", box=None, pad_edge=False, header_style="bold")
    for what, decided, why in made.decisions:
        table.add_row(Text(what, style="bold"), Text(decided), Text(why, style="dim"))
    print_view(table)
    file = path.relative_to(path.parents[2])
    typer.echo(f"\n{file} is a draft, guessed from names and values. It asks what only people can answer:")
    for line, question in made.questions:
        typer.echo(f"  line {line}: {question if len(question) <= 150 else question[:149] + '…'}")
    typer.echo("\nnext:")
    if folder is not None:
        typer.echo(f"  cd {folder}")
    typer.echo(f"  sop check {file}")
    clock = made.windows.as_of
    shown = f"{clock:%Y-%m-%d}" if clock == clock.normalize() else f"{clock:%Y-%m-%dT%H:%MZ}"
    typer.echo(f"  sop run retraining --model {made.name} --as-of {shown} --demo-reviewers")


def _leaks(made: Draft, rows: Any, modelling: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Features that may know the answer, as a run would find them, and those that come near; with the reason."""
    from sopkit import evidence
    from sopkit.definitions.files import parse_model

    model = parse_model(made.text.encode(), f"{made.name}.yaml")
    clock = made.windows.as_of.to_pydatetime()
    clean = modelling.clean(rows, model, as_of=clock).table
    target = modelling.target(clean, model, as_of=clock)
    task, own = model.target.task, modelling.label_columns(model, every=True)
    leaks = evidence.suspected_leaks(clean, target, model.features, task=task, time=model.data.time, target_columns=own)
    blocking = [each for each in leaks.findings if each.severity == "block" and each.column in model.features]
    suspects = {each.column: each.sentence.partition(", and the model file")[0] for each in blocking}
    near = [each for each in leaks.strengths if each.value >= ASKS_FROM and each.name not in suspects]
    return suspects, {s.name: f"{s.sense} {s.value:.2f}" for s in sorted(near, key=lambda each: -each.value)}


def _odd(made: Draft, rows: Any) -> dict[str, str]:
    """Features with a number that looks as if it stood for something else, as a run would find them."""
    from sopkit.definitions.files import parse_model
    from sopkit.evidence import rules
    from sopkit.evidence.faults import values

    found = values(rows, parse_model(made.text.encode(), f"{made.name}.yaml"), rules.VALIDATION)
    return {each.column: f"{each.sentence}: {each.remedy}" for each in found if each.name == "sentinel" and each.column}


def _refuse_the_future(made: Draft, now: Any) -> None:
    if made.windows.as_of <= now:
        return
    numbered = made.format.written == "day-number"
    raise DataError(
        f"the newest row lies in the future ({made.windows.last:%Y-%m-%d})",
        where=made.source,
        expected="times up to now" + (", or at most some 20,000 numbers in their order" if numbered else ""),
        remedy="number blocks of rows, 1 to 100 say, where the data is made"
        if numbered
        else "name another --time column",
    )


def _unnamed(
    data: str, time: str | None, target: str | None, found: dict[str, list[str]], columns: list[str], how: str
) -> WrongUse:
    from sopkit.modelling.drafting_names import shown

    lacking = [option for option, given in (("--time", time), ("--target", target)) if given is None]
    named = {option: ", ".join(map(repr, found[option[2:]])) for option in lacking}
    likely = [f"{option}: {named[option] or 'none looks like it'}" for option in lacking]
    asked = {"--time": "when a row came to be", "--target": "what is predicted"}
    what = f"which column says {' and which '.join(asked[option] for option in lacking)}?"
    listed = ", ".join(map(shown, columns[:40])) + (f" and {len(columns) - 40} more" if len(columns) > 40 else "")
    return WrongUse(
        what,
        where=data,
        expected=" and ".join(lacking),
        got=f"columns {listed}",
        remedy=f"likely for {'; '.join(likely)}" + (f"; {how}" if how else ""),
    )
