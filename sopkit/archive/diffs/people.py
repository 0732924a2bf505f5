"""Who signed what in two runs, side by side.

The rules:
* a sign-off is the same where the same person said the same, in the same role, at the same gate, with the same
  comment, conditions and answers; when, with which key and in which attempt is no difference;
* one that was withdrawn is another one than one that stands.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sopkit.archive.states import SignOffEntry

__all__ = ["sign_off_changes"]

WHAT = ("stage", "role", "by", "decision", "comment", "conditions", "answers", "demo", "withdrawn")


def sign_off_changes(
    left: Sequence[SignOffEntry], right: Sequence[SignOffEntry], stages: Collection[str]
) -> list[dict[str, Any]]:
    """Sign-offs at these stages that the other side has not: `{"stage", "role", "left", "right"}`.

    A side is `{"by", "decision", "comment", "conditions", "answers", "demo", "withdrawn"}` or None. What was said at
    one stage in one role stands side by side, in order.
    """
    before, after = ([_said(each) for each in side if each.stage in stages] for side in (left, right))
    only_left, only_right = _without(before, after), _without(after, before)
    places = dict.fromkeys((each["stage"], each["role"]) for each in (*only_left, *only_right))
    found = []
    for stage, role in sorted(places, key=lambda place: ([*stages].index(place[0]), str(place[1]))):
        olds = [each for each in only_left if (each["stage"], each["role"]) == (stage, role)]
        news = [each for each in only_right if (each["stage"], each["role"]) == (stage, role)]
        for number in range(max(len(olds), len(news))):
            pair = (side[number] if number < len(side) else None for side in (olds, news))
            old, new = ({name: each[name] for name in WHAT[2:]} if each else None for each in pair)
            found.append({"stage": stage, "role": role, "left": old, "right": new})
    return found


def _said(sign_off: SignOffEntry) -> dict[str, Any]:
    answers = {id: item.get("answer") for id, item in sign_off.checklist.items() if isinstance(item, Mapping)}
    told = {name: getattr(sign_off, name) for name in ("stage", "role", "by", "decision", "demo", "withdrawn")}
    return {
        **told,
        "comment": sign_off.comment or "",
        "conditions": _conditions(sign_off.envelope),
        "answers": {id: answer for id, answer in sorted(answers.items()) if answer != "yes"},
    }


def _conditions(envelope: Any) -> list[str]:
    """The conditions of an approval, which stand in the signed statement only; whether it holds is not judged here."""
    try:
        predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
        conditions = predicate.get("conditions") or []
        return [_condition(condition) for condition in conditions]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _condition(condition: Any) -> str:
    """What is asked, how severe, and whose it is; the date by which follows from when it was signed."""
    if not isinstance(condition, Mapping):
        return str(condition)
    told = ", ".join(str(condition[name]) for name in ("severity", "owner") if condition.get(name))
    return f"{condition.get('text')} ({told})" if told else str(condition.get("text"))


def _without(these: list[dict[str, Any]], those: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`these` without one for each equal one among `those`."""
    left = Counter(_key(each) for each in those)
    found = []
    for each in these:
        if left[_key(each)]:
            left[_key(each)] -= 1
        else:
            found.append(each)
    return found


def _key(said: Mapping[str, Any]) -> str:
    return json.dumps([said[name] for name in WHAT], sort_keys=True)
