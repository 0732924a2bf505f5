from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Trigger, Triggers
from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import time_blocks
from sopkit.evidence.causes import Period, causes
from sopkit.evidence.drift import drift
from sopkit.evidence.harm import harm_of
from sopkit.evidence.metrics import score
from sopkit.evidence.promise import Promise, PromiseKept, make_promise, promise_kept
from sopkit.evidence.season import Season
from sopkit.evidence.triggers import Facts, evaluate_triggers, last_scheduled

NOW = datetime(2013, 7, 1, tzinfo=UTC)
FACTS = Facts(
    champion="flights-1",
    trained_until=datetime(2013, 3, 31, 23, tzinfo=UTC),
    promoted_at=datetime(2013, 4, 8, tzinfo=UTC),
)


def conditions(**triggers: dict[str, Any]) -> Triggers:
    return Triggers(conditions={name: Trigger(**parts) for name, parts in triggers.items()})


def judge(facts: Facts = FACTS, at: datetime = NOW, **trigger: Any) -> Any:
    return evaluate_triggers(conditions(it=trigger), facts, as_of=at).items[0]


def shifted(rows: int, by: float) -> Any:
    random = np.random.default_rng(0)
    before = pd.DataFrame({"a": random.normal(0, 1, 5000), "b": random.normal(0, 1, 5000)})
    now = pd.DataFrame({"a": random.normal(by, 1, rows), "b": random.normal(0, 1, rows)})
    return drift(before, now, {"a": "numeric", "b": "numeric"})


# ---- each kind ----------------------------------------------------------------------------------------------


def test_a_champion_grows_stale_after_its_limit_and_not_before():
    """Staleness fires when the training data ended longer ago than the limit, to the second."""
    end = FACTS.trained_until
    assert end is not None
    assert judge(at=end + timedelta(days=90), kind="staleness", value="90d").state == "not fired"
    found = judge(at=end + timedelta(days=90, seconds=1), kind="staleness", value="90d")
    assert found.state == "fired"
    assert found.sentence == "the champion's training data ended 90 days ago, 90 are allowed"


def test_a_scheduled_moment_that_passed_since_training_fires():
    """The schedule fires from the scheduled minute on, until a champion knows newer data."""
    half_yearly = {"kind": "schedule", "every": "0 6 1 1,7 *"}
    moment = datetime(2013, 7, 1, 6, tzinfo=UTC)
    assert judge(at=moment - timedelta(minutes=1), **half_yearly).state == "not fired"
    assert judge(at=moment, **half_yearly).state == "fired"
    newer = replace(FACTS, trained_until=datetime(2013, 7, 2, tzinfo=UTC))
    assert judge(newer, at=moment + timedelta(days=3), **half_yearly).state == "not fired"


def test_the_last_scheduled_moment_includes_now():
    """The newest moment is at or before the clock."""
    assert last_scheduled("0 6 * * *", datetime(2024, 1, 2, 6, tzinfo=UTC)) == datetime(2024, 1, 2, 6, tzinfo=UTC)
    assert last_scheduled("0 6 * * *", datetime(2024, 1, 2, 5, 59, tzinfo=UTC)) == datetime(2024, 1, 1, 6, tzinfo=UTC)


def test_drift_fires_above_its_own_limit():
    """Half of the features' weight has drifted: a limit of .3 fires, one of .6 does not."""
    facts = replace(FACTS, drift=shifted(5000, 2.0))
    assert judge(facts, kind="drift", value=0.3).state == "fired"
    assert judge(facts, kind="drift", value=0.6).state == "not fired"
    assert judge(facts, kind="drift", value=0.3).value == 0.5


def test_new_rows_fire_from_the_limit_on():
    """Volume counts from exactly its limit."""
    facts = replace(FACTS, new_labelled_rows=1000)
    assert judge(facts, kind="volume", value=1000).state == "fired"
    assert judge(facts, kind="volume", value=1001).state == "not fired"


def test_a_person_needs_a_reason():
    """A reason of blanks is none."""
    assert judge(replace(FACTS, reason="   "), kind="manual").state == "not fired"
    assert judge(replace(FACTS, reason="new radar"), kind="manual").sentence == "a person asks for it: new radar"


# ---- not too early, not without evidence ---------------------------------------------------------------------


def test_after_a_promotion_everything_but_a_person_cools_down():
    """Within the cool-down what would have fired is told, and only a manual reason starts a run."""
    both = conditions(old={"kind": "staleness", "value": "1d"}, person={"kind": "manual"})
    facts = replace(FACTS, promoted_at=NOW - timedelta(days=6), reason="an incident")
    found = evaluate_triggers(both, facts, as_of=NOW)
    assert [item.state for item in found.items] == ["cooling down", "fired"]
    assert found.fired == ["person"]
    assert "cooling down until 2013-07-02" in found.items[0].sentence
    later = evaluate_triggers(both, facts, as_of=NOW + timedelta(days=1))
    assert later.fired == ["old", "person"]


def test_a_manual_mode_advises():
    """A trigger whose mode is manual is told, and a person has to start."""
    found = judge(kind="staleness", value="1d", mode="manual")
    assert found.state == "advised"
    assert "a person has to start" in found.sentence


def test_without_a_champion_the_first_one_is_due():
    """Nothing can be stale without a champion; that it is the first is said."""
    found = evaluate_triggers(Triggers(), Facts(), as_of=NOW)
    assert found.first
    assert not found.any
    assert found.sentence == "There is no champion yet: the first one is due"


KEPT = promise_kept(None, [0.0, 1.0] * 50, [0.5] * 100, task="binary")


@pytest.mark.parametrize(
    ("facts", "trigger", "reason"),
    [
        (FACTS, {"kind": "drift", "value": 0.3}, "drift was not measured"),
        (FACTS, {"kind": "performance", "value": 0.02}, "performance was not measured"),
        (FACTS, {"kind": "volume", "value": 10}, "were not counted"),
        (
            replace(FACTS, why_not={"it": "no rows in the window"}),
            {"kind": "drift", "value": 0.3},
            "no rows in the window",
        ),
        (
            replace(FACTS, why_not={"drift": "the source is down"}),
            {"kind": "drift", "value": 0.3},
            "the source is down",
        ),
        (replace(FACTS, drift=shifted(100, 5.0)), {"kind": "drift", "value": 0.3}, "only 100 rows, 500 are needed"),
        (replace(FACTS, performance=KEPT), {"kind": "performance", "value": 0.02}, "only 100 labelled rows"),
        (replace(FACTS, trained_until=None), {"kind": "staleness", "value": "1d"}, "not known when"),
        (
            replace(FACTS, trained_until=None, promoted_at=None),
            {"kind": "schedule", "every": "0 6 * * *"},
            "it is not known when",
        ),
        (replace(FACTS, champion=None), {"kind": "staleness", "value": "1d"}, "no champion"),
    ],
)
def test_a_trigger_without_its_evidence_is_insufficient(facts, trigger, reason):
    """What was not measured neither fires nor passes, and the reason is told."""
    found = judge(facts, **trigger)
    assert found.state == "insufficient"
    assert reason in found.sentence
    verdicts = evaluate_triggers(conditions(it=trigger), facts, as_of=NOW).measures
    assert verdicts[0].verdict is Verdict.INSUFFICIENT


@pytest.mark.parametrize(
    "unjudged",
    [
        Trigger.model_construct(kind="schedule", every="every noon"),
        Trigger.model_construct(kind="staleness", value="soon"),
    ],
)
def test_a_condition_that_cannot_be_read_does_not_fire(unjudged):
    """A wrong cron expression or duration is told, not guessed."""
    found = evaluate_triggers(
        Triggers.model_construct(conditions={"it": unjudged}, cool_down=timedelta(0)), FACTS, as_of=NOW
    )
    assert found.items[0].state == "insufficient"


def test_triggers_are_plain_json_a_table_and_a_figure():
    """Each trigger has its measured value, comparator, limit and window in every view."""
    found = evaluate_triggers(
        conditions(old={"kind": "staleness", "value": "1d"}, person={"kind": "manual"}), FACTS, as_of=NOW
    )
    assert json.loads(json.dumps(found.to_dict()))["fired"] == ["old"]
    assert list(found.table.columns) == [
        "name",
        "kind",
        "state",
        "value",
        "comparator",
        "limit",
        "window",
        "mode",
        "sentence",
    ]
    assert found.figure().png()
    assert [measure.verdict for measure in found.measures] == [Verdict.FAIL, Verdict.PASS]


# ---- real flights -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def champion(flights, flights_model):
    """Trained on January to March, its promise from the rolling origin inside, and later flights with its scores."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    names = list(flights_model.features)
    words = [name for name in names if flights_model.features[name].type == "categorical"]
    rows = flights[flights["late"].notna()]

    def fitted(train: pd.DataFrame) -> Any:
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        columns = make_column_transformer((encoder, words), remainder="passthrough")
        boosting = HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.08, random_state=flights_model.evaluation.seed % 1000
        )
        return make_pipeline(columns, boosting).fit(train[names], train["late"])

    past = rows[rows["time_hour"] < "2013-03-31"]
    cuts = pd.to_datetime(["2013-01-23", "2013-02-14", "2013-03-08", "2013-03-31"], utc=True)
    tested = []
    for start, end in pairwise(cuts):
        train = past[past["time_hour"] < start - pd.Timedelta("1D")]
        test = past[(past["time_hour"] >= start) & (past["time_hour"] < end)]
        tested.append(test.assign(score=fitted(train).predict_proba(test[names])[:, 1]))
    judged = pd.concat(tested)
    later = rows[rows["time_hour"] >= "2013-04-01"]
    later = later.assign(score=fitted(past).predict_proba(later[names])[:, 1])
    promise = make_promise("binary", judged["late"], judged["score"], blocks=time_blocks(judged["time_hour"]))
    return past, judged, later, promise


def facts_of(champion, flights, flights_model, at: pd.Timestamp) -> tuple[Facts, Any]:
    past, judged, later, promise = champion
    known = later[later["time_hour"] < at - pd.Timedelta("1D")]
    window = known[known["time_hour"] >= at - pd.Timedelta("31D")]
    recent = flights[(flights["time_hour"] < at) & (flights["time_hour"] >= at - pd.Timedelta("30D"))]
    blocks = time_blocks(window["time_hour"])
    moved = drift(past, recent, flights_model.features)
    kept = promise_kept(promise, window["late"], window["score"], task="binary", blocks=blocks)
    before = Period(judged, judged["late"], judged["score"], time_blocks(judged["time_hour"]))
    told = causes(
        moved, before, Period(window, window["late"], window["score"], blocks), flights_model.features, task="binary"
    )
    return replace(
        FACTS,
        promoted_at=datetime(2013, 4, 1, tzinfo=UTC),
        drift=moved,
        performance=kept,
        scores=score("binary", window["late"], window["score"]),
        task="binary",
        new_labelled_rows=len(known),
    ), told


def test_on_the_first_of_july_drift_and_performance_have_fired(champion, flights, flights_model):
    """The winter champion in June: weather has drifted and skill is lost, while its own probabilities understate how
    wrong it is hardly more than they did when it was approved."""
    facts, told = facts_of(champion, flights, flights_model, pd.Timestamp("2013-07-01", tz="UTC"))
    found = evaluate_triggers(flights_model.triggers, facts, as_of=NOW)
    assert {"drift", "performance"} == set(found.fired)
    word = facts.performance.measures[-1]
    assert (word.name, word.verdict) == ("promise_stated_error", Verdict.PASS)
    assert word.detail["now"] > 0.05
    assert word.value == pytest.approx(word.detail["now"] - word.detail["promised"])
    assert "data_drift" in told.at_work


@pytest.mark.parametrize(
    ("metric", "limit", "value", "state"),
    [
        ("brier", 0.18, 0.19, "fired"),
        ("brier", 0.18, 0.17, "not fired"),
        ("roc_auc", 0.7, 0.69, "fired"),
        ("roc_auc", 0.7, 0.71, "not fired"),
        ("roc_auc", 0.7, float("nan"), "insufficient"),
        ("log_loss", 0.5, None, "insufficient"),
    ],
)
def test_an_owners_limit_is_held_against_the_metric_itself(metric, limit, value, state):
    """A performance trigger with a metric fires when the metric is beyond its limit, in the metric's own direction."""
    condition = Trigger(kind="performance", metric=metric, value=limit, window="30d")
    facts = replace(
        FACTS,
        performance=PromiseKept([], 1000, 30, 0.02),
        scores={} if value is None else {metric: value},
        task="binary",
    )
    found = evaluate_triggers(Triggers(conditions={"limit": condition}), facts, as_of=NOW)
    assert [item.state for item in found.items] == [state]


def test_in_december_the_target_has_become_commoner(champion, flights, flights_model):
    """On New Year's day the champion is stale, its promise is broken, and changed conditions are named as a cause."""
    at = pd.Timestamp("2014-01-01", tz="UTC")
    facts, told = facts_of(champion, flights, flights_model, at)
    found = evaluate_triggers(flights_model.triggers, facts, as_of=at.to_pydatetime())
    assert {"stale", "performance", "drift"} <= set(found.fired)
    assert "changed_conditions" in told.at_work


def test_the_promise_survives_its_json(champion):
    """A promise read back from plain JSON is the same promise."""
    promise = champion[3]
    assert Promise.from_dict(json.loads(json.dumps(promise.to_dict()))) == promise


# ---- not too early, once more: decisions, seasons, limits of its own -----------------------------------------


def test_a_schedule_counts_from_the_last_decision_and_not_from_the_data():
    """Held-out rows make training data older than a week: a weekly schedule fires once a week all the same."""
    weekly = {"kind": "schedule", "every": "0 6 * * 1"}
    monday = datetime(2013, 6, 24, 6, tzinfo=UTC)
    decided = replace(FACTS, promoted_at=monday + timedelta(minutes=5))
    assert judge(decided, at=monday + timedelta(days=6), **weekly).state == "not fired"
    kept = replace(decided, kept_at=monday + timedelta(days=7, minutes=5))
    assert judge(decided, at=monday + timedelta(days=8), **weekly).state == "fired"
    assert judge(kept, at=monday + timedelta(days=8), **weekly).state == "not fired"


def test_a_champion_that_was_examined_and_kept_cools_down_too():
    """The same evidence is not examined again the next day; after the cool-down it is."""
    old = conditions(old={"kind": "staleness", "value": "1d"})
    facts = replace(FACTS, kept_at=NOW - timedelta(days=2))
    assert evaluate_triggers(old, facts, as_of=NOW).items[0].state == "cooling down"
    assert evaluate_triggers(old, facts, as_of=NOW + timedelta(days=6)).fired == ["old"]


def test_drift_that_is_a_season_the_champion_has_learned_from_does_not_fire():
    """Far from the training rows and near to last year: told as the season, and quiet; new to the champion: fires."""
    moved, still = shifted(5000, 2.0), shifted(5000, 0.0)
    at = pd.Timestamp(NOW)
    known, new = (Season(still, learned, at, at) for learned in (True, False))
    found = judge(replace(FACTS, drift=moved, season=known), kind="drift", value=0.3)
    assert (found.state, found.explained) == ("not fired", True)
    assert "it is the season" in found.sentence
    assert judge(replace(FACTS, drift=moved, season=new), kind="drift", value=0.3).state == "fired"
    more = Season(moved, True, at, at)
    assert judge(replace(FACTS, drift=moved, season=more), kind="drift", value=0.3).state == "fired"


def test_each_performance_trigger_has_its_own_limit():
    """A shortfall of a tenth of no-skill breaks a limit of .02 and keeps one of .2, measured once."""
    random = np.random.default_rng(0)
    p = random.uniform(0.05, 0.95, 4000)
    y = (random.random(4000) < p).astype(float)
    worse = np.where(random.random(4000) < 0.2, random.permutation(p), p)
    blocks = np.arange(4000) // 100
    kept = promise_kept(make_promise("binary", y, p, blocks=blocks), y, worse, task="binary", blocks=blocks)
    strict, lax = {"kind": "performance", "value": 0.02}, {"kind": "performance", "value": 0.5}
    found = evaluate_triggers(conditions(strict=strict, lax=lax), replace(FACTS, performance=kept), as_of=NOW)
    assert [item.state for item in found.items] == ["fired", "not fired"]
    assert found.items[1].limit == 0.5


# ---- harm ---------------------------------------------------------------------------------------------------


def test_drift_is_told_as_no_harm_where_every_promise_is_kept():
    """What a risk officer reads says whether harm was measured, beside the drift and never in its place."""
    kept = promise_kept(None, [0.0, 1.0] * 50, [0.5] * 100, task="binary")
    good, bad = replace_measures(kept, Verdict.PASS), replace_measures(kept, Verdict.FAIL)
    moved, still = shifted(5000, 2.0), shifted(5000, 0.0)
    none = harm_of(moved, good)
    assert (none.value, none.verdict) == ("none measured", Verdict.PASS)
    assert none.reason.startswith("Inputs have drifted, but no harm was measured")
    assert none.reason.endswith("it is no harm by itself")
    assert harm_of(still, bad).reason.startswith("Inputs have not drifted, but harm was measured")
    assert harm_of(moved, bad).reason.startswith("Inputs have drifted, and harm was measured")
    assert harm_of(moved, kept).verdict is Verdict.INSUFFICIENT
    less = replace(moved, limit=0.6, verdict=Verdict.PASS)
    told = "Inputs have drifted less than the limit (50 % of the features' weight, limit 60 %), and no harm"
    assert harm_of(less, good).reason.startswith(told)
    assert harm_of(moved, None).value == "not known"
    assert harm_of(None, good, ["Brier score is 0.19"]).value == "measured"


def replace_measures(kept: PromiseKept, verdict: Verdict) -> PromiseKept:
    return replace(kept, measures=[replace(measure, verdict=verdict) for measure in kept.measures[:1]])


@pytest.mark.parametrize(
    ("new", "learned", "state"), [(1000, 1000, "fired"), (999, 1000, "not fired"), (5, None, "insufficient")]
)
def test_as_many_new_rows_as_the_champion_learned_from(new, learned, state):
    """`1x` is a volume in the champion's own measure; where that is not known the trigger is insufficient."""
    facts = replace(FACTS, new_labelled_rows=new, learned_rows=learned)
    assert state == judge(facts, kind="volume", value="1x").state
