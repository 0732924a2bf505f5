"""One rule: promote the challenger, keep the champion, or neither.

The rule, in the order it is judged:
1. something that must hold does not (`must_hold`: leakage, overlap of training and evaluation, data checks): `blocked`,
   whatever the scores say, for they cannot be believed;
2. the comparison decides: the interval of the primary gain above the margin *and* every guardrail's interval ending
   below its margin. Anything else keeps the champion, `insufficient` too: no evidence is not good news;
3. hard findings keep the champion after all: a challenger that is not shown to beat no skill (better than a champion
   that is worse than dice is not good enough), a gain of numbers that only the blocks see, and not the losses as one
   series in time (`forecasts_compared`), a fairness limit of a protected attribute broken and worse than the
   champion's, a model that does not answer under a disturbance, or one of numbers that is shown to be worse than a
   forecast for free (`naive`; a first champion has to be shown to be better), or a gain of which nothing is left
   where judged texts are no copies of learned ones (`holds`);
4. soft findings decide nothing and are put before the signer: volume at the operating point, calibration,
   robustness losses, slices, gaps that the champion has as well, everything `insufficient`.

Where neither challenger nor champion is shown to beat no skill on these rows, no model is fit for use. The outcome is
what it was (the champion stays in its place, for there is nothing better), and the words say so, with the SOP's
fallback: what is done without a model. Where too little is known of either, that is `insufficient` and said as such.

Without a champion the comparison is against a naive baseline: passed it is `first_champion`, not passed `blocked`,
for there is nothing to keep. A model that serves already (`sop adopt`) is recorded as champion whatever is found: the
record says what is so, and later challengers are compared with what they would replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Verdict, plain
from sopkit.evidence.calibration import Calibration
from sopkit.evidence.comparison import Comparison
from sopkit.evidence.fairness import Fairness
from sopkit.evidence.measure import Measure, insufficient, with_unit
from sopkit.evidence.misses import Misses
from sopkit.evidence.naive import ScaledError
from sopkit.evidence.operating import OperatingPoint
from sopkit.evidence.robustness import Robustness

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Decision", "Outcome", "Reason", "decide"]

Outcome = Literal["promoted", "champion_kept", "first_champion", "blocked"]
Weight = Literal["must hold", "rule", "hard", "soft"]
UNFIT = "No model is fit for use"


@dataclass(frozen=True)
class Reason:
    """One finding that entered the decision. `against` says that it spoke against the challenger."""

    weight: Weight
    topic: str
    finding: str
    verdict: Verdict
    against: bool


@dataclass(frozen=True, eq=False)
class Decision:
    """The outcome, its reasons in the order of the rule, and `why` in plain words.

    `verdict` is `pass` for a challenger (or first champion) that goes forward, `insufficient` where evidence was
    missing, `fail` otherwise.
    """

    outcome: Outcome
    verdict: Verdict
    why: str
    reasons: tuple[Reason, ...]
    rule: str = ""
    fit: Measure = field(default_factory=lambda: insufficient("fit_for_use", "nobody has asked"))

    @property
    def moves(self) -> bool:
        """Whether a model is to go into service, which needs signatures."""
        return self.outcome in ("promoted", "first_champion")

    @property
    def notes(self) -> list[Reason]:
        """What the signer should look at although it decided nothing."""
        return [reason for reason in self.reasons if reason.weight == "soft" and reason.verdict is not Verdict.PASS]

    @property
    def table(self) -> pd.DataFrame:
        rows = [
            {
                "weight": reason.weight,
                "topic": reason.topic,
                "verdict": str(reason.verdict),
                "against": reason.against,
                "finding": reason.finding,
            }
            for reason in self.reasons
        ]
        return pd.DataFrame(rows, columns=["weight", "topic", "verdict", "against", "finding"])

    @property
    def measures(self) -> list[Measure]:
        detail = {"reasons": self.table.to_dict("records")}
        return [
            Measure("decision", self.outcome, self.verdict, self.why, detail, title="Decision"),
            self.fit,
            Measure("notes_for_the_signer", len(self.notes), detail={"notes": [note.finding for note in self.notes]}),
        ]

    def figure(self) -> Chart:
        """The reasons in the order of the rule, with their verdicts in words."""
        from sopkit.evidence.charts import Row, intervals

        words = {
            "promoted": "The challenger is promoted",
            "champion_kept": "The champion is kept",
            "first_champion": "The first champion goes into service",
            "blocked": "Nothing goes into service",
        }
        against = sum(reason.against for reason in self.reasons)
        title = f"{words[self.outcome]}: {against} of {len(self.reasons)} findings speak against it"
        if self.moves and not against:
            title = f"{words[self.outcome]}: nothing of the rule speaks against it, {len(self.notes)} to look at"
        place = {Verdict.PASS: 0.0, Verdict.INSUFFICIENT: 1.0, Verdict.FAIL: 2.0}
        rows = [Row(r.topic, place[r.verdict], verdict=r.verdict, note=r.weight) for r in self.reasons]
        chart = intervals(title, rows, x_label="", zero=None, subtitle=f"Rule: {self.rule}" if self.rule else "")
        axes = chart.figure.axes[0]
        axes.set_xlim(-0.5, 2.5)
        axes.set_xticks(list(place.values()), [str(verdict) for verdict in place])
        return chart

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "outcome": self.outcome,
                    "verdict": self.verdict,
                    "why": self.why,
                    "rule": self.rule,
                    "fit_for_use": self.fit.to_dict(),
                    "reasons": self.table.to_dict("records"),
                }
            )
        )

    def _repr_markdown_(self) -> str:
        notes = "".join(f"\n* {escape_markdown(f'{note.topic}: {note.finding}')}" for note in self.notes)
        told = f"**{escape_markdown(self.outcome)}** ({self.verdict}). {escape_markdown(self.why)}"
        return told + (f"\n\nTo look at:\n{notes}" if notes else "")


def decide(
    comparison: Comparison,
    *,
    first: bool = False,
    must_hold: Iterable[Measure] = (),
    calibration: Calibration | None = None,
    operating: OperatingPoint | Misses | None = None,
    fairness: Fairness | None = None,
    robustness: Robustness | None = None,
    naive: ScaledError | None = None,
    holds: Iterable[Measure] = (),
    also: Iterable[Measure] = (),
    in_service: bool = False,
    fallback: str = "",
) -> Decision:
    """The decision by the rule in the module's docstring.

    `first` says that `comparison` is against a naive baseline (`against_naive`). `must_hold` are measures of earlier
    stages without which no score can be believed; `holds` keep the champion where they fail (a gain on copied texts
    alone), and otherwise inform the signer, as `also` does whatever its verdict. `in_service` says that a first
    champion serves already. `fallback` is what the SOP says is done when no model is fit for use.
    """
    reasons = [
        Reason("must hold", m.title or m.name, _said(m), m.verdict, m.verdict is not Verdict.PASS)
        for m in must_hold
        if m.verdict is not None
    ]
    reasons += _of_rule(comparison)
    if comparison.primary.direction != "zero":  # no skill has no bias either
        reasons.append(_judged("hard", comparison.skill_measure))
    fit = _fitness(
        comparison, first, believed=not any(reason.against for reason in reasons if reason.weight == "must hold")
    )
    if fit.value is False:
        reasons.append(Reason("hard", UNFIT, fit.reason, Verdict.FAIL, True))
    reasons += _of_naive(naive, first)
    reasons += _of_fairness(fairness)
    reasons += _of_robustness(robustness)
    reasons += [_judged("hard", m) if m.verdict is Verdict.FAIL else _note(m) for m in holds if m.verdict]
    reasons += [_judged("hard", m) if m.verdict is Verdict.FAIL else _note(m) for m in comparison.seconds]
    soft = [*also, *comparison.doubts]
    soft += calibration.measures if calibration else []
    soft += operating.measures if operating else []
    soft += [m for m in comparison.measures if m.name == "slices_worse"]
    reasons += [_note(measure) for measure in soft if measure.verdict is not None]
    against = [reason for reason in reasons if reason.against]
    outcome = "first_champion" if first and in_service else _outcome(against, first)
    verdict = Verdict.PASS
    if against:
        decisive = [r for r in against if r.weight == against[0].weight]
        verdict = Verdict.FAIL if any(r.verdict is Verdict.FAIL for r in decisive) else Verdict.INSUFFICIENT
    why = _why(outcome, verdict, comparison, [reason for reason in against if reason.topic != UNFIT], reasons)
    if fit.value is False:
        instead = f" What the SOP prescribes without a model: {fallback}" if fallback else ""
        why = f"{UNFIT}. {why}{instead}"
    if against and first and in_service:
        why = f"This model serves already, and is recorded as champion with the evidence as it is. {why}"
    elif first and outcome == "blocked" and against[0].weight != "must hold":
        why += " Where a model serves already, adopt that one (`sop adopt`): challengers are then held against it."
    return Decision(outcome, verdict, why, tuple(reasons), comparison.rule, fit)


def _fitness(comparison: Comparison, first: bool, *, believed: bool) -> Measure:
    """Whether the challenger or the champion is shown to beat no skill on these rows; no value where nobody knows."""
    name, title = "fit_for_use", "A model that is fit for use"
    if not believed:
        return insufficient(name, "the scores cannot be believed", title=title)
    if comparison.primary.direction == "zero":
        return Measure(name, None, None, f"{comparison.primary.title} does not tell skill from no skill", title=title)
    arms = {"challenger": comparison.skill_measure} | ({} if first else {"champion": comparison.champion_skill_measure})
    told = "; ".join(f"{comparison.primary.title} of the {arm}: {measure.reason}" for arm, measure in arms.items())
    shown = [arm for arm, measure in arms.items() if measure.verdict is Verdict.PASS]
    if not shown and any(measure.verdict is not Verdict.FAIL for measure in arms.values()):
        return insufficient(name, told, title=title)
    verdict = Verdict.PASS if shown else Verdict.FAIL
    return Measure(name, bool(shown), verdict, told, {"beat_no_skill": shown}, title=title)


def _outcome(against: Sequence[Reason], first: bool) -> Outcome:
    if any(reason.weight == "must hold" for reason in against):
        return "blocked"
    if against:
        return "blocked" if first else "champion_kept"
    return "first_champion" if first else "promoted"


def _of_rule(comparison: Comparison) -> list[Reason]:
    measures = [comparison.primary_measure, *comparison.guardrail_measures]
    return [_judged("rule", measure) for measure in measures]


def _judged(weight: Weight, measure: Measure) -> Reason:
    verdict = measure.verdict or Verdict.INSUFFICIENT
    return Reason(weight, measure.title or measure.name, _said(measure), verdict, verdict is not Verdict.PASS)


def _note(measure: Measure) -> Reason:
    return Reason("soft", measure.title or measure.name, _said(measure), measure.verdict or Verdict.INSUFFICIENT, False)


def _of_naive(naive: ScaledError | None, first: bool) -> list[Reason]:
    """Neither better nor worse than a forecast for free speaks against a first champion only."""
    if naive is None or not naive.applies:
        return []
    decides = first or naive.measure.verdict is not Verdict.INSUFFICIENT
    return [_judged("hard", naive.measure) if decides else _note(naive.measure)]


def _of_fairness(fairness: Fairness | None) -> list[Reason]:
    if fairness is None:
        return []
    hard = fairness.hard_failures
    reasons = [Reason("hard", gap.title, gap.words, Verdict.FAIL, True) for gap in hard]
    named = {(gap.attribute, gap.rate) for gap in hard}
    if fairness.reason:
        return [_note(measure) for measure in fairness.measures]
    for gap in fairness.gaps:
        if (gap.attribute, gap.rate) in named:
            continue
        verdict = Verdict.FAIL if gap.broken or gap.worse else Verdict.PASS if gap.gap.known else Verdict.INSUFFICIENT
        reasons.append(Reason("soft", gap.title, gap.words, verdict, False))
    return reasons


def _of_robustness(robustness: Robustness | None) -> list[Reason]:
    if robustness is None:
        return []
    reasons = []
    for measure in robustness.measures:
        silent = measure.name == "unanswered_disturbances"
        reasons.append(_judged("hard", measure) if silent else _note(measure))
    return reasons


def _said(measure: Measure) -> str:
    limit = ""
    if measure.threshold is not None:
        sign = str(measure.threshold).partition(" ")[0]
        limit = f" (limit {sign} {with_unit(measure.threshold.value, measure.unit).removesuffix(f' {measure.unit}')})"
    value = "not measured" if measure.value is None else with_unit(measure.value, measure.unit)
    return f"{value}{limit}" + (f": {measure.reason}" if measure.reason else "")


def _why(
    outcome: Outcome, verdict: Verdict, comparison: Comparison, against: Sequence[Reason], reasons: Sequence[Reason]
) -> str:
    """The paragraph that people read: finding, rule, what spoke against, what made the difference, what to look at."""
    parts = [f"{comparison.finding}."]
    if not against:
        parts.append(f"That meets the rule: {comparison.rule}.")
    elif any(reason.weight == "must hold" for reason in against):
        topics = ", ".join(reason.topic for reason in against if reason.weight == "must hold")
        parts = [f"The scores cannot be believed: {topics}."]
    elif verdict is Verdict.INSUFFICIENT:
        parts.append("The evidence is not sufficient, and no evidence is no permission.")
        parts += [f"{reason.topic}: {reason.finding}." for reason in against]
    else:
        missed = [reason for reason in against if reason.weight == "rule"]
        if missed:
            parts.append(f"That does not meet the rule ({comparison.rule}).")
        parts += [f"{reason.topic}: {reason.finding}." for reason in against]
    if comparison.attribution and outcome != "blocked":
        parts.append(comparison.attribution)
    notes = [reason for reason in reasons if reason.weight == "soft" and reason.verdict is not Verdict.PASS]
    if notes and outcome in ("promoted", "first_champion"):
        topics = "; ".join(dict.fromkeys(note.topic for note in notes))
        parts.append(f"For the signer to look at: {topics}.")
    text = " ".join(part[:1].upper() + part[1:] for part in parts)
    return text
