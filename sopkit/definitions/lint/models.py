"""Is a model file measurable, free of contradictions, and does it say what may not be a feature?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath

from sopkit.definitions.durations import render_duration
from sopkit.definitions.expressions import Expression, parse
from sopkit.definitions.lint.judging import check_judging
from sopkit.definitions.lint.triggers import check_triggers
from sopkit.definitions.lint.words import never_said
from sopkit.definitions.model import Estimator, ModelFile
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.yaml_file import Document
from sopkit.errors import DefinitionError

__all__ = ["check_model"]

LIBRARIES = ("sklearn.", "lightgbm.", "xgboost.")
OWN = re.compile(r"([A-Za-z_]\w*):([A-Za-z_]\w*)")
PASSWORD = re.compile(r"://[^/@\s:]+:(?!\$\{)[^/@\s]+@")


def check_model(model: ModelFile, document: Document, *, folder: Path, root: Path) -> Iterator[Problem]:
    """Every problem of a model file; `folder` holds it and its module, `root` is the workspace."""
    if PurePosixPath(document.name).stem != model.model:
        yield document.error(("model",), "the name differs from the file's", f"{model.model}.yaml", document.name)
    for field in ("title", "purpose"):
        yield from never_said(document, (field,), getattr(model, field))
    yield from _source(model.data.source, model.data.query, document, ("data", "source"), folder, root)
    yield from _target(model, document)
    target = _made_of(model)
    yield from _features(model, document, target)
    yield from _columns(model, document, target)
    for reason, text in model.data.keep_rows_where.items():
        kept, problems = _expression(text, document, ("data", "keep_rows_where", reason))
        yield from problems
        if kept is not None and kept.gives in ("number", "text"):
            yield document.error(("data", "keep_rows_where", reason), f"gives {kept.gives}", "a condition", text)
    yield from _estimator(model.estimator, document, ("estimator",), folder)
    yield from _challengers(model, document, folder)
    for name, given in model.data.indicators.items():
        place = ("data", "indicators", name)
        yield from _source(given.source, given.query, document, (*place, "source"), folder, root)
    yield from check_triggers(model, document, _used(model, target) | set(model.data.columns))
    yield from _evaluation(model, document)
    for name, check in model.data.checks.items():
        yield from _function(check.function, document, ("data", "checks", name, "function"), folder)
    yield from check_judging(model, document, lambda named, path: _function(named, document, path, folder))


def _expression(text: str, document: Document, path: tuple[str, ...]) -> tuple[Expression | None, list[Problem]]:
    try:
        return parse(text), []
    except DefinitionError as error:
        return None, [document.error(path, error.what, error.expected, error.got)]


def _source(
    source: str, query: str | None, document: Document, path: tuple[str, ...], folder: Path, root: Path
) -> Iterator[Problem]:
    if PASSWORD.search(source):
        yield document.error(path, "a password in the file", "the name of a credential, such as ${DATABASE_PASSWORD}")
    if "://" in source:
        if query is None:
            yield document.error(path, "a database without a `query`")
    elif own := OWN.fullmatch(source):
        yield from _own(own[1], own[2], document, path, folder)
    elif "${" not in source and not any(root.glob(source) if not Path(source).is_absolute() else [Path(source)]):
        yield document.warning(path, "no file matches", got=source)


def _function(named: str, document: Document, path: tuple[str, ...], folder: Path) -> Iterator[Problem]:
    if own := OWN.fullmatch(named):
        yield from _own(own[1], own[2], document, path, folder)
    else:
        yield document.error(path, "not a function", "module:name of the file beside the model file", named)


def _own(module: str, name: str, document: Document, path: tuple[str, ...], folder: Path) -> Iterator[Problem]:
    """`module:name` must be defined in the Python file beside the model file, which is read and not executed."""
    stem = PurePosixPath(document.name).stem
    file = folder / f"{stem}.py"
    if module != stem.replace("-", "_"):  # no other Python file is pinned with the model file
        expected = f"{stem.replace('-', '_')}:{name}, in {file.name}"
        yield document.error(path, "the Python file is not named like the model file", expected, f"{module}:{name}")
        return
    try:
        tree = ast.parse(file.read_bytes())
    except OSError:
        yield document.error(path, f"there is no {file.name} beside the model file")
        return
    except (SyntaxError, ValueError) as error:
        yield document.error(path, f"{file.name} is not Python: {error}")
        return
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if name not in defined:
        yield document.error(path, f"{file.name} does not define `{name}`{did_you_mean(name, defined)}")


def _target(model: ModelFile, document: Document) -> Iterator[Problem]:
    target = model.target
    if (target.column is None) == (target.expression is None):
        yield document.error(("target",), "what is predicted must be said once", "`column` or `expression`")
    if target.positive is not None and target.task != "binary":
        yield document.error(("target", "positive"), "only a binary target has a positive value", got=target.task)
    if target.expression is None:
        return
    path = ("target", "expression")
    parsed, problems = _expression(target.expression, document, path)
    yield from problems
    wanted = {"binary": ("condition", "unknown"), "regression": ("number", "unknown")}.get(target.task)
    if parsed is not None and wanted and parsed.gives not in wanted:
        yield document.error(
            path, f"gives a {parsed.gives}", f"a {wanted[0]} for a {target.task} target", target.expression
        )


def _made_of(model: ModelFile) -> set[str]:
    """The columns that the target is computed from."""
    try:
        read = parse(model.target.expression).names if model.target.expression else ()
    except DefinitionError:
        read = ()
    return {*read, *([model.target.column] if model.target.column else [])}


def _features(model: ModelFile, document: Document, target: set[str]) -> Iterator[Problem]:
    for name, feature in model.features.items():
        path = ("features", name)
        if name in model.excluded:
            yield document.error(
                path, f"is also excluded (line {document.line(('excluded', name))})", "one or the other"
            )
        if name in target:
            yield document.error(path, "the target is made of it", "only what is known before the outcome")
        if name == model.data.time:
            yield document.error(path, "is the time column, which always lies beyond what a model was trained on")
        elif [name] == model.data.id:
            yield document.warning(path, "names the row, so a model can learn it by heart")
        elif name == model.data.entity and feature.type == "numeric":
            # as a category it may be a shop or a city; what is learned by heart shows on entities never seen
            what = "names whom a row is about, and a name is no amount"
            yield document.warning(path, what, "categorical, or leave it out")
    for name, reason in model.excluded.items():
        if not reason.strip():
            yield document.error(("excluded", name), "does not say why it is not a feature")


def _used(model: ModelFile, target: set[str]) -> set[str]:
    data = model.data
    return {*model.features, *model.excluded, *target, *data.id, data.time} | ({data.entity} if data.entity else set())


def _columns(model: ModelFile, document: Document, target: set[str]) -> Iterator[Problem]:
    data, used = model.data, _used(model, target)
    for name, column in data.columns.items():
        path = ("data", "columns", name)
        if name not in used:
            yield document.warning(path, f"is no feature, target or excluded column{did_you_mean(name, used)}")
        if column.min is not None and column.max is not None and column.min > column.max:
            yield document.error(path, "no value can be in the range", "min ≤ max", f"{column.min} to {column.max}")
        if column.pattern is not None:
            try:
                re.compile(column.pattern)
            except re.error as error:
                yield document.error((*path, "pattern"), f"not a regular expression: {error}", got=column.pattern)
    for field in ("slices", "protected"):
        for index, name in enumerate(getattr(model, field)):
            # a group may be shown without being a feature; only what looks like a slip of the pen is refused
            if name not in used | set(data.columns) and (hint := did_you_mean(name, used)):
                yield document.error((field, index), f"'{name}' is no known column{hint}")


def _estimator(
    estimator: Estimator | None, document: Document, path: tuple[str, ...], folder: Path
) -> Iterator[Problem]:
    if estimator is None or estimator.class_.startswith(LIBRARIES):
        return
    if own := OWN.fullmatch(estimator.class_):
        yield from _own(own[1], own[2], document, (*path, "class"), folder)
        return
    expected = f"a class below {', '.join(LIBRARIES)[:-1]}, or module:Name of a file beside the model file"
    yield document.error((*path, "class"), "an estimator from elsewhere", expected, estimator.class_)


def _challengers(model: ModelFile, document: Document, folder: Path) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    if not model.challengers:
        yield document.error(("challengers",), "no recipe to train", "at least one, or leave the key out")
    for name, challenger in model.challengers.items():
        path = ("challengers", name)
        for index, feature in enumerate(challenger.features or []):
            if feature not in model.features:
                close = did_you_mean(feature, model.features)
                yield document.error((*path, "features", index), f"'{feature}' is no feature{close}")
        if challenger.features == []:
            yield document.error((*path, "features"), "nothing to learn from", "at least one, or leave the key out")
        if challenger.window is not None and challenger.window <= timedelta(0):
            yield document.error((*path, "window"), "no rows at all", "a length of time such as 60d")
        yield from _estimator(challenger.estimator, document, (*path, "estimator"), folder)
        recipe = challenger.model_copy(update={"title": ""}).model_dump_json()
        if recipe in seen:
            yield document.error(path, f"the same recipe as '{seen[recipe]}'")
        seen.setdefault(recipe, name)


def _evaluation(model: ModelFile, document: Document) -> Iterator[Problem]:
    rules = model.evaluation
    for field in ("window", "blocks"):
        if getattr(rules, field) <= timedelta(0):
            yield document.error(("evaluation", field), "no time at all", "a length of time such as 30d")
            return
    blocks = rules.window / rules.blocks
    apart = rules.by_entity or (rules.by_entity is None and model.data.entity) or model.data.rows_independent
    if not apart and blocks < rules.minimum_blocks:
        got = f"{blocks:g} blocks of {render_duration(rules.blocks)} in {render_duration(rules.window)}"
        what = "every interval will be insufficient"
        yield document.warning(("evaluation", "window"), what, f"at least {rules.minimum_blocks} blocks", got)
    if model.data.history is not None and model.data.history <= rules.window:
        yield document.error(("data", "history"), "nothing is left to train on", "more than the evaluation's window")
