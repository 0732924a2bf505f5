"""The compliance checklist of a SOP: what is asked at a gate, and how it was answered.

The rules:
* what a result can answer, a result answers, and no person: `pass` is yes, `fail` no, anything else is open;
* everything else is answered by whoever signs, in the role that is asked or in every role; approving without a word
  about it answers yes, for that is what the gate's meaning says;
* an approval that answers no counts for nothing: who means no rejects or returns. What does not apply here is answered
  `not-applicable`, with a comment;
* an approval over a no of a result needs a comment: why nevertheless;
* the answers stand in the signed statement, each with its question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sopkit.archive.states import RunState, SignOffEntry
from sopkit.definitions.sop import ChecklistItem, Sop
from sopkit.errors import SignOffRefused, WrongUse

__all__ = ["ANSWERS", "Answered", "answered", "asked_of", "refusal", "stated"]

ANSWERS = ("yes", "no", "not-applicable")
OPEN = "open"
_BY_VERDICT = {"pass": "yes", "fail": "no"}


@dataclass(frozen=True)
class Answered:
    """An item with its answer so far: one of `ANSWERS`, or `open`. `by` are the people who gave it, or the result."""

    item: ChecklistItem
    answer: str = OPEN
    why: str = ""
    by: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        told = {name: getattr(self.item, name) for name in ("id", "question", "source", "answered_by", "role")}
        return {**told, "answer": self.answer, "why": self.why, "by": list(self.by)}


def answered(sop: Sop, state: RunState, gate: str) -> list[Answered]:
    """Every item of a gate with its answer: a fold over the run's results and its standing sign-offs."""
    stage = next(stage.id for stage in sop.stages if stage.gate is not None and stage.gate.id == gate)
    current = state.stage(stage).sealed
    said = [
        each
        for each in state.sign_offs
        if current is not None and (each.stage, each.attempt) == (stage, current.number)
        if each.gate == gate and not each.withdrawn and each.decision != "withdraw"
    ]
    items = [item for item in sop.checklist if item.gate == gate]
    return [_by_result(item, state) if item.answered_by else _by_people(item, said) for item in items]


def asked_of(checklist: Iterable[ChecklistItem], gate: str, role: str) -> list[ChecklistItem]:
    """What a person who signs at a gate in a role answers."""
    return [item for item in checklist if item.gate == gate and item.answered_by is None and item.role in (None, role)]


def stated(
    sop: Sop, state: RunState, gate: str, *, role: str, decision: str, given: Mapping[str, str], comment: str
) -> dict[str, dict[str, str]]:
    """What a sign-off states about the checklist: id -> question, answer, and the result that gave it.

    An approval answers yes to what `given` does not name; a reject or a return answers only what it names.
    Raises WrongUse for an unknown answer, SignOffRefused for an approval that would not count.
    """
    where = f"{state.id}, gate '{gate}'"
    results = [each for each in answered(sop, state, gate) if each.item.answered_by]
    mine = {item.id: item for item in asked_of(sop.checklist, gate, role)}
    for id, answer in given.items():
        if answer not in ANSWERS:
            raise WrongUse(f"not an answer to '{id}'", expected=", ".join(ANSWERS), got=answer)
        if id not in mine:
            by_result = next((each.item.answered_by for each in results if each.item.id == id), None)
            what = f"'{id}' is answered by the result {by_result}" if by_result else f"nothing asks {role} about '{id}'"
            raise SignOffRefused(what, where=where, expected=", ".join(mine) or "no answers")
    told: dict[str, dict[str, str]] = {}
    for each in results:
        said = {"question": each.item.question, "answer": each.answer, "answered_by": str(each.item.answered_by)}
        told[each.item.id] = said
    for id, item in mine.items():
        answer = given.get(id, "yes" if decision == "approve" else OPEN)
        if answer != OPEN:
            told[id] = {"question": item.question, "answer": answer}
    if decision == "approve":
        _require_approvable(told, where, comment)
    return told


def refusal(items: Iterable[ChecklistItem], checklist: Mapping[str, Mapping[str, str]]) -> str | None:
    """Why an approval with these answers does not count, `items` being what its signer is asked; None if it does."""
    for item in items:
        answer = checklist.get(item.id, {}).get("answer", "nothing")
        if answer not in ("yes", "not-applicable"):
            return f"it approves, and answers {answer} to '{item.id}': {item.question}"
    return None


def _require_approvable(told: Mapping[str, Mapping[str, str]], where: str, comment: str) -> None:
    for id, said in told.items():
        if said["answer"] == "no" and "answered_by" not in said:
            raise SignOffRefused(
                f"an approval cannot answer no to '{id}': {said['question']}",
                where=where,
                remedy=f"sign with --return or --reject; if it does not apply here: --answer {id}=not-applicable",
            )
        if said["answer"] == "no" and not comment:
            what = f"the result {said['answered_by']} answers no to '{id}': {said['question']}"
            raise SignOffRefused(what, where=where, remedy="say why you approve nevertheless: --comment T")
        if said["answer"] == "not-applicable" and not comment:
            raise SignOffRefused(f"why does '{id}' not apply here?", where=where, remedy="--comment T")


def _by_result(item: ChecklistItem, state: RunState) -> Answered:
    stage, _, name = str(item.answered_by).partition(".")
    attempt = state.stage(stage).sealed
    result = attempt.results.get(name) if attempt else None
    if result is None:
        return Answered(item, why="not recorded yet", by=(str(item.answered_by),))
    answer = _BY_VERDICT.get(str(result.get("verdict")), OPEN)
    return Answered(item, answer, str(result.get("reason") or ""), (str(item.answered_by),))


def _by_people(item: ChecklistItem, said: Iterable[SignOffEntry]) -> Answered:
    """One no is a no; who says that it does not apply is outweighed by who says yes."""
    words = [(each, str(each.checklist[item.id].get("answer"))) for each in said if item.id in each.checklist]
    for answer in ("no", "yes", "not-applicable"):
        if by := [each for each, word in words if word == answer]:
            why = "; ".join(each.comment for each in by if each.comment) if answer != "yes" else ""
            return Answered(item, answer, why, tuple(str(each.by) for each in by))
    return Answered(item)
