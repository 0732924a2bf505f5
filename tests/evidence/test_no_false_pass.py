"""No evidence is not good news: bad data and models without skill never get `pass` from anything that judges.

Each case gives one function data that cannot carry a `pass`; it must answer `fail` or `insufficient`, with a reason.
The last part takes bad tables through the whole decision: each ends in an error with a remedy, or is not promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import evidence, modelling
from sopkit.definitions.model import Evaluation, ModelFile, Trigger, Triggers
from sopkit.definitions.results import Verdict
from sopkit.errors import SopkitError
from sopkit.evidence.bootstrap import time_blocks
from sopkit.evidence.causes import Period
from sopkit.evidence.comparison import Comparison
from sopkit.evidence.measure import Measure

ROWS = 1200
RULES = Evaluation(resamples=100)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Judged:
    """What a prediction is judged on; `good()` has a challenger that deserves its promotion."""

    y: Array
    champion: Array
    challenger: Array
    blocks: Array

    def at(self, places: Any) -> Judged:
        return Judged(self.y[places], self.champion[places], self.challenger[places], self.blocks[places])


def good() -> Judged:
    random = np.random.default_rng(0)
    truth = random.normal(0, 1.5, ROWS)
    y = (random.random(ROWS) < 1 / (1 + np.exp(-truth))).astype(float)
    noisy = truth + random.normal(0, 2.5, ROWS)
    champion, challenger = 1 / (1 + np.exp(-0.4 * noisy)), 1 / (1 + np.exp(-truth))
    return Judged(y, champion, challenger, np.repeat(np.arange(40), ROWS // 40))


def shuffled(values: Array) -> Array:
    return np.random.default_rng(5).permutation(values)


def one(values: Array, value: float) -> Array:
    return np.where(np.arange(len(values)) == 7, value, values)


BAD: dict[str, Callable[[Judged], Judged]] = {
    "empty": lambda d: d.at(slice(0, 0)),
    "tiny": lambda d: d.at(slice(0, 8)),
    "one class": lambda d: replace(d, y=np.ones(ROWS)),
    "labels missing": lambda d: replace(d, y=np.full(ROWS, np.nan)),
    "NaN prediction": lambda d: replace(d, challenger=one(d.challenger, np.nan)),
    "all NaN": lambda d: replace(d, challenger=np.full(ROWS, np.nan)),
    "infinite": lambda d: replace(d, challenger=one(d.challenger, np.inf)),
    "one block": lambda d: replace(d, blocks=np.zeros(ROWS, int)),
    "constant": lambda d: replace(d, challenger=np.full(ROWS, 0.3)),
    "random": lambda d: replace(d, challenger=np.random.default_rng(1).random(ROWS)),
    "swapped": lambda d: replace(d, challenger=1 - d.challenger),
    "shuffled labels": lambda d: replace(d, y=shuffled(d.y)),
    "the same model": lambda d: replace(d, challenger=d.champion),
}
NO_NUMBER = ["empty", "tiny", "labels missing", "NaN prediction", "all NaN", "infinite"]
NO_JUDGEMENT = [*NO_NUMBER, "one class", "one block"]
NO_SKILL = ["constant", "random", "swapped", "shuffled labels"]


def groups(d: Judged) -> pd.DataFrame:
    return pd.DataFrame({"site": np.where(np.arange(len(d.y)) % 2, "a", "b")})


def compare(d: Judged) -> Comparison:
    return evidence.compare(d.y, d.champion, d.challenger, task="binary", blocks=d.blocks, evaluation=RULES)


def against_naive(d: Judged) -> Comparison:
    naive, folds = np.full(len(d.y), 0.4), np.arange(len(d.y)) * 3 // max(len(d.y), 1)
    return evidence.against_naive(
        d.y, d.challenger, naive, task="binary", blocks=d.blocks, folds=folds, evaluation=RULES
    )


def promised() -> Any:
    d = good()
    return evidence.make_promise("binary", d.y, d.challenger, metrics=["roc_auc", "brier"], blocks=d.blocks)


def kept(d: Judged) -> Any:
    return evidence.promise_kept(promised(), d.y, d.challenger, task="binary", blocks=d.blocks)


def deployed(d: Judged) -> Any:
    return evidence.after_deployment(
        d.y, d.challenger, promised().scores, task="binary", blocks=d.blocks, evaluation=RULES
    )


def robust(d: Judged) -> Any:
    features = pd.DataFrame({"at": np.arange(len(d.y), dtype=float)})
    return evidence.robustness_of(
        lambda rows: d.challenger[: len(rows)], features, d.y, task="binary", evaluation=RULES
    )


def important(d: Judged) -> Any:
    features = pd.DataFrame({"at": np.arange(len(d.y), dtype=float)})
    return evidence.importance_of(
        lambda rows: d.challenger[: len(rows)], features, d.y, task="binary", evaluation=RULES
    )


def why(d: Judged) -> Any:
    rows = pd.DataFrame({"a": np.random.default_rng(2).normal(size=len(d.y))})
    old, features = good(), {"a": "numeric"}
    before = pd.DataFrame({"a": np.random.default_rng(3).normal(size=ROWS)})
    drift = evidence.drift(before, rows, features)
    periods = Period(before, old.y, old.challenger, old.blocks), Period(rows, d.y, d.challenger, d.blocks)
    return evidence.causes(drift, *periods, features, task="binary", resamples=100)


Told = Callable[[Judged], Iterable[Measure]]
JUDGES: dict[str, tuple[Told, list[str]]] = {
    "compare": (lambda d: [compare(d).primary_measure], [*NO_JUDGEMENT, *NO_SKILL, "the same model"]),
    "skill": (lambda d: [compare(d).skill_measure], [*NO_JUDGEMENT, *NO_SKILL]),
    "against_naive": (lambda d: [against_naive(d).primary_measure], [*NO_JUDGEMENT, *NO_SKILL]),
    "calibration": (
        lambda d: evidence.calibration_of(d.y, d.challenger, task="binary", blocks=d.blocks, evaluation=RULES).measures,
        [*NO_NUMBER, "one class", "swapped", "shuffled labels", "random"],
    ),
    "operating": (
        lambda d: (
            evidence.operating_point(
                d.y, d.champion, d.challenger, task="binary", blocks=d.blocks, evaluation=RULES
            ).measures
        ),
        [*NO_NUMBER, "one class"],
    ),
    "fairness": (
        lambda d: (
            evidence.fairness_of(
                d.y, d.challenger, groups(d), task="binary", blocks=d.blocks, evaluation=RULES
            ).measures
        ),
        NO_JUDGEMENT,
    ),
    "robustness": (lambda d: robust(d).measures, [*NO_NUMBER, "one class", "constant"]),
    "importance": (lambda d: important(d).measures, [*NO_NUMBER, "one class"]),
    "promise": (lambda d: kept(d).measures, [*NO_JUDGEMENT, *NO_SKILL]),
    "deployment": (lambda d: deployed(d).measures[:1], [*NO_JUDGEMENT, *NO_SKILL]),
    "equivalence": (
        lambda d: [evidence.equivalence(d.y, d.champion, d.challenger, task="binary", evaluation=RULES)],
        [*NO_NUMBER, "one class", *NO_SKILL[:3]],
    ),
    "equivalence of itself": (
        lambda d: [evidence.equivalence(d.y, d.challenger, d.challenger, task="binary", evaluation=RULES)],
        [*NO_NUMBER, "one class"],
    ),
    "causes": (lambda d: why(d).measures[1:], ["empty", "tiny", "labels missing", "all NaN"]),
}
PREDICTIONS = [(judge, case) for judge, (_, cases) in JUDGES.items() for case in cases]


@pytest.mark.parametrize(("judge", "case"), PREDICTIONS, ids=[f"{judge}: {case}" for judge, case in PREDICTIONS])
def test_predictions_that_carry_no_evidence_never_pass(judge, case):
    """Whatever judges predictions says `fail` or `insufficient` to these, and gives a reason."""
    told = list(JUDGES[judge][0](BAD[case](good())))
    assert told
    verdicts = [measure.verdict for measure in told]
    assert Verdict.PASS not in verdicts, [str(measure) for measure in told]
    assert all(measure.reason for measure in told if measure.verdict is not None)


@pytest.mark.parametrize("judge", ["compare", "skill", "against_naive", "promise", "deployment"])
def test_a_good_challenger_does_pass(judge):
    """The same functions say `pass` where there is evidence: they do not refuse everything."""
    assert Verdict.PASS in [measure.verdict for measure in JUDGES[judge][0](good())]


@pytest.mark.parametrize("case", [*NO_JUDGEMENT, *NO_SKILL])
@pytest.mark.parametrize("first", [False, True], ids=["challenger", "first"])
def test_nothing_without_evidence_is_promoted(case, first):
    """The decision over each of these moves no model, as a challenger and as a first champion."""
    d = BAD[case](good())
    decision = evidence.decide(against_naive(d) if first else compare(d), first=first)
    assert not decision.moves
    assert decision.verdict is not Verdict.PASS
    assert decision.why


def test_a_good_challenger_is_promoted():
    """The rule does promote."""
    assert evidence.decide(compare(good())).outcome == "promoted"
    assert evidence.decide(against_naive(good()), first=True).outcome == "first_champion"


# ---- what judges tables -----------------------------------------------------------------------------------------

CLOCK = datetime(2024, 4, 18, 10, tzinfo=UTC)
HOURS = 2600


def rows() -> pd.DataFrame:
    """Hourly rows without a fault, of which `a` tells the target in part."""
    random = np.random.default_rng(4)
    a = random.normal(10, 2, HOURS)
    return pd.DataFrame(
        {
            "id": np.arange(HOURS),
            "at": pd.date_range("2024-01-01", periods=HOURS, freq="h", tz="UTC"),
            "a": a,
            "b": random.gamma(2, 3, HOURS),
            "c": random.choice(["red", "green", "blue"], HOURS),
            "who": random.integers(0, 400, HOURS),
            "y": (random.random(HOURS) < 1 / (1 + np.exp(-(a - 10) / 2.5))).astype(float),
        }
    )


def model(**data: Any) -> ModelFile:
    return ModelFile.model_validate(
        {
            "model": "small",
            "data": {"source": "x.csv", "time": "at", "id": ["id"], "minimum_rows": 300} | data,
            "target": {"column": "y", "task": "binary"},
            "features": {"a": "numeric", "b": "numeric", "c": "categorical"},
            "slices": ["c"],
            "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"window": "20d", "blocks": "12h", "resamples": 100, "minimum_rows": 100},
        }
    )


def put(table: pd.DataFrame, column: str, where: Any, value: Any) -> pd.DataFrame:
    table = table.astype({column: object}) if isinstance(value, str) else table.copy()
    table.loc[where, column] = value
    return table


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "empty": lambda t: t.iloc[:0],
    "tiny": lambda t: t.iloc[:12],
    "no labels": lambda t: t.assign(y=np.nan),
    "one class": lambda t: t.assign(y=1.0),
    "feature all missing": lambda t: t.assign(a=np.nan),
    "column missing": lambda t: t.drop(columns="a"),
    "constant feature": lambda t: t.assign(a=3.0),
    "infinite values": lambda t: put(t, "a", [5, 6], np.inf),
    "texts as numbers": lambda t: t.assign(a="many"),
    "duplicated": lambda t: pd.concat([t, t], ignore_index=True),
    "ids repeated": lambda t: t.assign(id=t["id"] // 2),
    "one entity": lambda t: t.assign(who=1),
    "leaked": lambda t: t.assign(b=t["y"] + 0.01 * t["b"]),
    "target as feature": lambda t: t.assign(b=t["y"]),
    "unit shifted": lambda t: put(t, "a", slice(1500, None), t["a"] * 1000),
    "unit in part": lambda t: put(t, "a", slice(0, None, 40), t["a"] * 1000),
    "truncated at the end": lambda t: t.iloc[:1800],
    "rows gone within": lambda t: t.drop(index=[i for i in range(1000, 1336) if i % 10]),
    "future dated": lambda t: put(t, "at", [3], pd.Timestamp("2030-01-01", tz="UTC")),
    "no times": lambda t: t.assign(at=t["at"].where(t.index < 0)),
    "one time": lambda t: t.assign(at=t["at"].iloc[0]),
    "labels lost": lambda t: put(t, "y", slice(1500, None), 0.0),
    "half unlabelled": lambda t: put(t, "y", slice(0, None, 2), np.nan),
    "two spellings": lambda t: put(t, "c", slice(0, None, 9), "Red "),
    "sentinel": lambda t: put(t, "a", slice(0, None, 30), -999.0),
    "placeholder": lambda t: put(t, "c", slice(0, None, 9), "N/A"),
    "stops being filled in": lambda t: put(t, "a", slice(1500, None), np.nan),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_is_never_passed_without_a_word(case):
    """`validate` says `fail` or, for what a person has to weigh, `insufficient`; each finding has its sentence."""
    spec = model(entity="who") if case == "one entity" else model()
    table = TABLES[case](rows())
    found = evidence.validate(table, spec, as_of=CLOCK, target_columns=["y"])
    if case == "one entity":
        assert found.named("repeated_entity")[0].sentence == "All rows belong to one who"
        return
    assert found.verdict is not Verdict.PASS, case
    assert [item.sentence for item in (*found.blocking, *found.warnings)] or not len(table)


def test_the_same_table_without_the_fault_passes():
    """Nothing is found where nothing is wrong."""
    assert evidence.validate(rows(), model(), as_of=CLOCK).verdict is Verdict.PASS


def kept_apart(train: pd.DataFrame, holdout: pd.DataFrame, **data: Any) -> Any:
    return evidence.kept_apart(train, holdout, model(**data))


def facts(**known: Any) -> Any:
    conditions = Triggers(conditions={"drift": Trigger(kind="drift", value=0.3)})
    return evidence.evaluate_triggers(conditions, evidence.Facts(champion="1", **known), as_of=CLOCK)


T = rows()
OTHERS: dict[str, Callable[[], Iterable[Measure]]] = {
    "label_maturity: empty": lambda: _mature(T.iloc[:0]).measures,
    "label_maturity: none old enough": lambda: _mature(T.assign(y=np.nan), days=400).measures,
    "label_maturity: too early": lambda: _mature(T, days=60).measures,
    "label_maturity: unlabelled": lambda: _mature(T.assign(y=T["y"].where(T.index % 2 == 0))).measures,
    "label_maturity: taken out": lambda: _mature(T, unlabelled=pd.concat([T["at"]] * 2)).measures,
    "label_maturity: stopped": lambda: _mature(T.assign(y=T["y"].where(T.index < HOURS - 400))).measures,
    "label_maturity: times missing": lambda: _mature(T.assign(at=pd.NaT)).measures,
    "label_rate: empty": lambda: evidence.label_rate(T["at"].iloc[:0], T["y"].iloc[:0]).measures,
    "label_rate: tiny": lambda: evidence.label_rate(T["at"].iloc[:20], T["y"].iloc[:20]).measures,
    "label_rate: one class": lambda: evidence.label_rate(T["at"], T["y"] * 0).measures,
    "label_rate: no labels": lambda: evidence.label_rate(T["at"], T["y"] * np.nan).measures,
    "label_rate: labels lost": lambda: evidence.label_rate(T["at"], T["y"].where(T.index < 1500, 0.0)).measures,
    "label_rate: one time": lambda: evidence.label_rate(pd.Series([T["at"].iloc[0]] * HOURS), T["y"]).measures,
    "representation: empty": lambda: evidence.representation(T.iloc[:0], T["y"].iloc[:0], ["c"]).measures,
    "representation: tiny": lambda: evidence.representation(T.iloc[:30], T["y"].iloc[:30], ["c"]).measures,
    "representation: no labels": lambda: evidence.representation(T, T["y"] * np.nan, ["c"]).measures,
    "representation: no such column": lambda: evidence.representation(T, T["y"], ["gone"]).measures,
    "groups: tiny": lambda: [evidence.groups_examined(evidence.representation(T.iloc[:30], T["y"].iloc[:30], ["c"]))],
    "leaks: empty": lambda: _leaks(T.iloc[:0]).measures,
    "leaks: tiny": lambda: _leaks(T.iloc[:30]).measures,
    "leaks: one class": lambda: _leaks(T.assign(y=1.0)).measures,
    "leaks: no labels": lambda: _leaks(T.assign(y=np.nan)).measures,
    "leaks: leaked": lambda: _leaks(T.assign(b=T["y"] + 0.1 * T["b"])).measures,
    "leaks: missing tells": lambda: _leaks(T.assign(b=T["b"].where(T["y"] == 1))).measures,
    "leaks: swapped": lambda: _leaks(T.assign(b=-T["y"])).measures,
    "drift: empty now": lambda: _drift(T, T.iloc[:0]),
    "drift: empty before": lambda: _drift(T.iloc[:0], T),
    "drift: tiny": lambda: _drift(T, T.iloc[:10]),
    "drift: column gone": lambda: _drift(T, T.drop(columns=["a", "b"])),
    "drift: all missing": lambda: _drift(T, T.assign(a=np.nan, b=np.nan)),
    "drift: missing on both sides": lambda: _drift(T.assign(a=np.nan, b=np.nan), T.assign(a=np.nan, b=np.nan)),
    "drift: unit shifted": lambda: _drift(T, T.assign(a=T["a"] * 1000, b=T["b"] * 1000)),
    "drift: constant": lambda: _drift(T, T.assign(a=1.0, b=1.0)),
    "causes: nothing known": lambda: evidence.causes(None, None, None, {"a": "numeric"}, task="binary").measures,
    "promise: none": lambda: evidence.promise_kept(None, good().y, good().challenger, task="binary").measures,
    "kept apart: duplicates": lambda: [kept_apart(T.iloc[:2000], pd.concat([T.iloc[2000:], T.iloc[:50]]))],
    "kept apart: shuffled time": lambda: [kept_apart(T.sample(2000, random_state=0), T.sample(600, random_state=1))],
    "kept apart: late labels": lambda: [kept_apart(T.iloc[:2000], T.iloc[2000:], label_delay="10d")],
    "kept apart: nothing to learn": lambda: [kept_apart(T.iloc[:0], T.iloc[2000:])],
    "kept apart: times missing": lambda: [
        kept_apart(T.iloc[:2000].assign(at=T["at"].where(T.index < 0)), T.iloc[2000:])
    ],
    "triggers: nothing measured": lambda: facts().measures,
    "triggers: drift of ten rows": lambda: facts(drift=evidence.drift(T, T.iloc[:10], {"a": "numeric"})).measures,
    "missing by period: one period": lambda: evidence.missing_by_period(T.iloc[:50], model()).measures,
    "missing by period: moves": lambda: (
        evidence.missing_by_period(TABLES["stops being filled in"](T), model()).measures
    ),
}


def _mature(table: pd.DataFrame, days: int = 1, **options: Any) -> Any:
    return evidence.label_maturity(table["at"], table["y"], label_delay=timedelta(days=days), as_of=CLOCK, **options)


def _leaks(table: pd.DataFrame) -> Any:
    return evidence.suspected_leaks(table, table["y"], {"a": "numeric", "b": "numeric"}, task="binary", time="at")


def _drift(before: pd.DataFrame, now: pd.DataFrame) -> Iterable[Measure]:
    return evidence.drift(before, now, {"a": "numeric", "b": "numeric"}).measures


@pytest.mark.parametrize("case", OTHERS)
def test_judgements_of_tables_without_evidence_never_pass(case):
    """Labels, leaks, drift, groups, separation and triggers: `fail` or `insufficient`, with a reason."""
    told = list(OTHERS[case]())
    assert told
    assert Verdict.PASS not in [measure.verdict for measure in told], [str(measure) for measure in told]
    assert any(measure.verdict is not None for measure in told)
    assert all(measure.reason for measure in told if measure.verdict is not None)


# ---- the whole way from the table to the decision ---------------------------------------------------------------


def decided(table: pd.DataFrame, spec: ModelFile) -> Any:
    """clean, validate, split, choose, fit, compare and decide, as the stages do; the champion learned only noise."""
    clean = modelling.clean(table, spec, as_of=CLOCK)
    target = modelling.target(clean.table, spec, as_of=CLOCK)
    found = evidence.validate(
        clean.table, spec, as_of=CLOCK, target=target, target_columns=["y"], cleaned=clean, reference=rows().iloc[:1500]
    )
    splits = modelling.split(clean.table, spec, as_of=CLOCK)
    apart = evidence.kept_apart(splits.train, splits.holdout, spec)
    recipes, score = modelling.recipes(spec), evidence.scorer("binary")
    trial = modelling.rolling_origin(recipes, splits.train, spec, score=score, until=splits.train_until)
    challenger = modelling.fit(modelling.recipe(spec, trial.chosen), splits.train, spec).pipeline
    truth = modelling.target(splits.holdout, spec).to_numpy(dtype=float)
    ours = modelling.predict(challenger, splits.holdout, spec)
    theirs = 0.5 + 0.2 * np.sin(np.arange(len(truth)))
    blocks = time_blocks(splits.holdout["at"], spec.evaluation.blocks)
    comparison = evidence.compare(truth, theirs, ours, task="binary", blocks=blocks, evaluation=spec.evaluation)
    return evidence.decide(comparison, must_hold=[found.measures[0], apart])


def ends(table: pd.DataFrame) -> Any:
    """The decision, or the error that the way there ends in."""
    try:
        return decided(table, model())
    except SopkitError as error:
        return error


# The signer weighs these; they say nothing against the comparison itself
WEIGHED = {
    "infinite values", "ids repeated", "one entity", "rows gone within", "two spellings", "sentinel", "placeholder",
    "duplicated", "future dated", "unit in part", "truncated at the end", "stops being filled in", "unit shifted",
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_ends_in_an_error_with_a_remedy_or_promotes_nothing(case):
    """From the table to the decision; what only a person can weigh has been put before one."""
    table = TABLES[case](rows())
    end = ends(table)
    if isinstance(end, SopkitError):
        assert end.what
        assert end.remedy or end.got or end.expected
    elif end.moves:
        assert case in WEIGHED
        found = evidence.validate(table, model(), as_of=CLOCK, target_columns=["y"])
        assert found.verdict is not Verdict.PASS or case == "one entity"


LEARNED_NOTHING = {
    "shuffled labels": lambda t: t.assign(y=shuffled(t["y"].to_numpy())),
    "shuffled features": lambda t: t.assign(a=shuffled(t["a"].to_numpy()), b=shuffled(t["b"].to_numpy())),
    "shuffled time": lambda t: t.assign(at=shuffled(t["at"].to_numpy())),
    "labels swapped in the newest rows": lambda t: t.assign(y=t["y"].where(t.index < 2000, 1 - t["y"])),
    "all features constant": lambda t: t.assign(a=1.0, b=1.0, c="red"),
}


@pytest.mark.parametrize("case", LEARNED_NOTHING)
def test_what_cannot_be_learned_is_not_promoted(case):
    """Random and constant models, labels that mean something else, and a past that was rewritten promote nothing."""
    end = ends(LEARNED_NOTHING[case](rows()))
    assert isinstance(end, SopkitError) or not end.moves


def test_the_table_without_a_fault_is_promoted():
    """The same way promotes where there is something to promote."""
    assert decided(rows(), model()).outcome == "promoted"
