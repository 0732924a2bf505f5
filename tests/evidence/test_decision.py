"""One rule decides, and it never takes silence for consent."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Evaluation, Fairness
from sopkit.definitions.results import Threshold, Verdict
from sopkit.evidence.calibration import calibration_of
from sopkit.evidence.comparing import against_naive, compare
from sopkit.evidence.decision import decide
from sopkit.evidence.fairness import fairness_of
from sopkit.evidence.measure import failed, insufficient, measured
from sopkit.evidence.operating import operating_point
from sopkit.evidence.robustness import robustness_of

QUICK = Evaluation(resamples=200)


def binary(days=30, size=60, seed=1):
    """Targets, a weak and a strong calibrated model, days."""
    random = np.random.default_rng(seed)
    signal, blind = random.normal(size=days * size), random.normal(size=days * size)
    y = (random.random(days * size) < 1 / (1 + np.exp(-(2 * signal - 1)))).astype(float)
    strong, weak = 1 / (1 + np.exp(-(1.9 * signal - 1))), 1 / (1 + np.exp(-(0.6 * signal + 0.3 * blind - 0.9)))
    return y, weak, strong, np.repeat(np.arange(days), size)


def compared(old, new, y, day, **options):
    return compare(y, old, new, task="binary", blocks=day, evaluation=QUICK, **options)


def test_a_challenger_that_meets_the_rule_is_promoted():
    """Gain above the margin and guardrails kept: promoted, and the paragraph says so with numbers."""
    y, weak, strong, day = binary()
    decision = decide(compared(weak, strong, y, day, recipe_on_new_data=strong))
    assert (decision.outcome, decision.verdict) == ("promoted", Verdict.PASS)
    assert decision.moves
    assert "beats" in decision.why
    assert "new data helped" in decision.why


def test_a_challenger_that_is_not_better_leaves_the_champion():
    """No gain: the champion is kept, verdict `fail`, and the reason names the limit."""
    y, weak, strong, day = binary()
    decision = decide(compared(strong, weak, y, day))
    assert (decision.outcome, decision.verdict) == ("champion_kept", Verdict.FAIL)
    assert "> 0.003" in decision.why
    assert not decision.moves


def test_no_evidence_is_not_good_news():
    """Ten days only: the champion is kept with verdict `insufficient`, however large the gain."""
    y, weak, strong, day = binary(days=10)
    decision = decide(compared(weak, strong, y, day))
    assert (decision.outcome, decision.verdict) == ("champion_kept", Verdict.INSUFFICIENT)
    assert "only 10 blocks" in decision.why


def test_a_first_champion_has_to_beat_the_naive_forecast_or_nothing_goes_into_service():
    """Against a naive baseline a pass is `first_champion`, anything else is `blocked`."""
    y, _, strong, day = binary()
    naive, folds = np.full(len(y), y.mean()), np.repeat([1, 2, 3], len(y) // 3)
    common = {"task": "binary", "blocks": day, "folds": folds, "evaluation": QUICK}
    assert decide(against_naive(y, strong, naive, **common), first=True).outcome == "first_champion"
    assert decide(against_naive(y, naive, naive, **common), first=True).outcome == "blocked"


@pytest.mark.parametrize(
    ("measure", "outcome"),
    [(failed("gain_without_copies", "nothing is left"), "champion_kept"), (insufficient("x", "few"), "promoted")],
)
def test_a_gain_on_copied_texts_alone_keeps_the_champion(measure, outcome):
    """What `holds` keeps the champion where it fails; where it cannot be told, the signer reads that."""
    y, weak, strong, day = binary()
    decision = decide(compared(weak, strong, y, day), holds=[measure])
    assert decision.outcome == outcome
    assert measure.reason in " ".join(reason.finding for reason in decision.reasons)


@pytest.mark.parametrize("measure", [failed("leak_free_split", "3 rows"), insufficient("leaks", "no engine")])
def test_scores_that_cannot_be_believed_block_whatever_they_say(measure):
    """Something that must hold and does not, or cannot be told, blocks a challenger that meets the rule."""
    y, weak, strong, day = binary()
    decision = decide(compared(weak, strong, y, day), must_hold=[measure])
    assert decision.outcome == "blocked"
    assert decision.verdict is measure.verdict
    assert "cannot be believed" in decision.why


def test_a_model_that_serves_already_is_recorded_as_champion_with_the_evidence_as_it_is():
    """Adopted with no better scores than a naive forecast it is the first champion, and the verdict is fail."""
    y, (naive, _), day = noise_and_noise()
    plain, folds = np.full(len(y), y.mean()), np.zeros(len(y))
    comparison = against_naive(y, naive, plain, task="binary", blocks=day, folds=folds)
    decision = decide(comparison, first=True, in_service=True)
    assert ("first_champion", Verdict.FAIL) == (decision.outcome, decision.verdict)
    assert "serves already" in decision.why
    assert "meets the rule" not in decision.why
    assert "speak against it" in decision.figure().title


def test_better_than_a_champion_that_is_worse_than_dice_is_not_good_enough():
    """A challenger with an AUC around one half is not promoted over a champion below it."""
    y, _, strong, day = binary(size=200)
    random = np.random.default_rng(8)
    noise = np.clip(y.mean() + random.normal(0, 0.02, len(y)), 0, 1)
    comparison = compared(1 - strong, noise, y, day)
    assert comparison.verdict is Verdict.PASS
    decision = decide(comparison)
    assert (decision.outcome, decision.verdict) == ("champion_kept", Verdict.FAIL)
    assert "no skill" in decision.why


FALLBACK = "A person decides."


def noise_and_noise(size=200):
    """Two models that say nothing about the target, on enough rows to tell."""
    y, _, _, day = binary(size=size)
    random = np.random.default_rng(8)
    return y, [np.clip(y.mean() + random.normal(0, 0.02, len(y)), 0, 1) for _ in range(2)], day


def test_where_neither_model_beats_no_skill_no_model_is_fit_for_use():
    """The champion's place stays its own, and the words say that no model is fit, and what the SOP prescribes then."""
    y, (old, new), day = noise_and_noise()
    decision = decide(compared(old, new, y, day), fallback=FALLBACK)
    assert (decision.outcome, decision.verdict) == ("champion_kept", Verdict.FAIL)
    assert decision.why.startswith("No model is fit for use.")
    assert decision.why.endswith(FALLBACK)
    assert (decision.fit.value, decision.fit.verdict) == (False, Verdict.FAIL)
    assert ("hard", "No model is fit for use") in [(reason.weight, reason.topic) for reason in decision.reasons]
    assert decision.to_dict()["fit_for_use"]["verdict"] == "fail"


def test_a_first_model_without_skill_is_not_fit_for_use():
    """Without a champion the challenger alone is asked; the outcome is `blocked`, as published."""
    y, (new, _), day = noise_and_noise()
    naive, folds = np.full(len(y), y.mean()), np.repeat([1, 2, 3], len(y) // 3)
    comparison = against_naive(y, new, naive, task="binary", blocks=day, folds=folds, evaluation=QUICK)
    decision = decide(comparison, first=True, fallback=FALLBACK)
    assert (decision.outcome, decision.fit.verdict) == ("blocked", Verdict.FAIL)
    assert FALLBACK in decision.why


def test_one_model_with_skill_is_enough_to_be_fit_for_use():
    """A good champion beside a useless challenger, and the other way round: fit, and no word of the fallback."""
    y, (noise, _), day = noise_and_noise()
    strong = binary(size=200)[2]
    for old, new in ((strong, noise), (noise, strong)):
        decision = decide(compared(old, new, y, day), fallback=FALLBACK)
        assert (decision.fit.value, decision.fit.verdict) == (True, Verdict.PASS)
        assert FALLBACK not in decision.why


def test_too_little_evidence_does_not_say_that_no_model_is_fit():
    """Ten days: it is not known whether a model is fit, which is `insufficient` and no headline."""
    y, weak, strong, day = binary(days=10)
    decision = decide(compared(weak, strong, y, day), fallback=FALLBACK)
    assert (decision.fit.value, decision.fit.verdict) == (None, Verdict.INSUFFICIENT)
    assert FALLBACK not in decision.why


def test_scores_that_cannot_be_believed_do_not_tell_who_is_fit():
    """After a leak it is not known whether a model is fit for use."""
    y, weak, strong, day = binary()
    decision = decide(compared(weak, strong, y, day), must_hold=[failed("leaks", "3 rows")], fallback=FALLBACK)
    assert decision.fit.verdict is Verdict.INSUFFICIENT


def test_the_champions_skill_is_measured_as_the_challengers_is():
    """With the arms exchanged, the one's lower end over no skill is the other's."""
    y, weak, strong, day = binary()
    one, other = compared(weak, strong, y, day), compared(strong, weak, y, day)
    assert one.champion_skill_measure.value == pytest.approx(other.skill_measure.value)
    assert one.skill_measure.value == pytest.approx(other.champion_skill_measure.value)


def test_findings_that_only_inform_do_not_stop_a_promotion():
    """A measure of `also` that fails is put before the signer and decides nothing."""
    y, weak, strong, day = binary()
    note = measured("looks", 7, threshold=Threshold(op="at_most", value=3), title="Looks at these rows")
    decision = decide(compared(weak, strong, y, day), also=[note])
    assert decision.outcome == "promoted"
    assert [reason.topic for reason in decision.notes] == ["Looks at these rows"]
    assert "Looks at these rows" in decision.why


def biased(y, strong, harm=0.2):
    """Two groups, of which the challenger flags the second more often."""
    group = np.where(np.arange(len(y)) % 2 == 0, "a", "b")
    return group, np.where(group == "b", np.clip(strong + harm, 0, 1), strong)


def test_a_fairness_limit_broken_and_worse_than_the_champion_keeps_the_champion():
    """The challenger flags one group more and the champion does not: kept, although the scores are better."""
    y, weak, strong, day = binary(size=200)
    group, unfair = biased(y, strong)
    evaluation = QUICK.model_copy(update={"fairness": Fairness(largest_gap=0.1)})
    frame = pd.DataFrame({"sex": group})
    fairness = fairness_of(y, unfair, frame, task="binary", blocks=day, evaluation=evaluation, champion=weak)
    loose = evaluation.model_copy(update={"guardrails": {}})
    comparison = compare(y, weak, unfair, task="binary", blocks=day, evaluation=loose)
    assert decide(comparison).outcome == "promoted"
    decision = decide(comparison, fairness=fairness)
    assert (decision.outcome, decision.verdict) == ("champion_kept", Verdict.FAIL)
    assert "sex" in decision.why


def test_a_gap_of_a_slice_or_one_that_the_champion_has_too_is_for_the_signer():
    """The same gap without a protected attribute, or in both models, is a note and stops nothing."""
    y, weak, strong, day = binary(size=200)
    group, unfair = biased(y, strong)
    evaluation = QUICK.model_copy(update={"fairness": Fairness(largest_gap=0.1), "guardrails": {}})
    comparison = compare(y, weak, unfair, task="binary", blocks=day, evaluation=evaluation)
    options = {"task": "binary", "blocks": day, "evaluation": evaluation}
    frame = pd.DataFrame({"origin": group})
    for fairness in (
        fairness_of(y, unfair, frame, champion=weak, protected=[], **options),
        fairness_of(y, unfair, frame, champion=unfair, **options),
    ):
        decision = decide(comparison, fairness=fairness)
        assert decision.outcome == "promoted"
        assert any("origin" in note.topic for note in decision.notes)


def test_a_model_that_does_not_answer_keeps_the_champion():
    """A challenger that raises when a feature is missing is not promoted."""
    y, weak, strong, day = binary()
    features = pd.DataFrame({"score": strong})

    def fragile(table):
        if table["score"].isna().any():
            raise ValueError("Input contains NaN")
        return table["score"].clip(0, 1)

    robustness = robustness_of(fragile, features, y, task="binary")
    decision = decide(compared(weak, strong, y, day), robustness=robustness)
    assert decision.outcome == "champion_kept"
    assert "Input contains NaN" in decision.why


def test_everything_together_has_every_view():
    """With all evidence there is a table, a figure, JSON and words, in the order of the rule."""
    y, weak, strong, day = binary()
    common = {"task": "binary", "blocks": day, "evaluation": QUICK}
    decision = decide(
        compared(weak, strong, y, day, slices=pd.DataFrame({"half": day % 2})),
        calibration=calibration_of(y, strong, **common),
        operating=operating_point(y, weak, strong, **common),
        fairness=fairness_of(y, strong, pd.DataFrame({"half": day % 2}), champion=weak, **common),
        robustness=robustness_of(
            lambda t: t["p"].fillna(0.3).clip(0, 1), pd.DataFrame({"p": strong}), y, task="binary"
        ),
    )
    assert decision.outcome == "promoted"
    assert decision.table.weight.tolist()[:3] == ["rule", "rule", "hard"]
    assert {"hard", "soft"} <= set(decision.table.weight)
    json.dumps(decision.to_dict(), allow_nan=False)
    assert decision.figure().png().startswith(b"\x89PNG")
    assert decision.measures[0].value == "promoted"
    assert "promoted" in decision._repr_markdown_()


def test_a_gain_that_only_the_blocks_see_keeps_the_champion():
    """Where losses follow one another in time, days taken for independent show a gain that the series does not."""
    random, days, each = np.random.default_rng(3), 60, 24
    y = random.normal(0, 1, days * each)
    weather = np.zeros(days)
    for day in range(1, days):
        weather[day] = 0.9 * weather[day - 1] + random.normal()
    better = np.repeat(0.5 + 0.45 * weather, each)  # the champion errs so much more, in long spells
    sign = random.choice([-1.0, 1.0], len(y))
    challenger, champion = y + 0.8 * sign, y + (0.8 + 0.2 * better) * sign
    comparison = compare(y, champion, challenger, task="regression", blocks=np.repeat(np.arange(days), each))
    assert Verdict.PASS == comparison.verdict
    decision = decide(comparison)
    assert ("champion_kept", Verdict.FAIL) == (decision.outcome, decision.verdict)
    assert "Second opinion" in decision.why
    assert comparison.finding.startswith("The challenger beats the champion only if neighbouring periods are taken for")


def test_a_share_of_no_skill_is_told_in_percent():
    """What the signer reads of a guardrail is a percentage on both sides of its limit, not a bare ratio."""
    y, old, _, day = binary()
    worse = np.clip(1.6 * old, 0, 1)
    told = decide(compared(old, worse, y, day)).table.set_index("topic").loc["Brier score, worse by at most", "finding"]
    assert "% of no-skill (limit < 2 %)" in told
