"""The retraining SOP on models that are not flights: two classes, several, numbers; with and without groups."""

from __future__ import annotations

import pytest

RUN = ("run", "retraining", "--model", "tiny", "--demo-reviewers", "--json")


@pytest.mark.timeout(300)
def test_a_classifier_of_two_classes_from_first_champion_to_promotion(make_desk, rows_of, definition):
    """A first champion, a change of what the target means, a promoted challenger, its soak: by commands alone."""
    desk = make_desk()
    desk.give(rows_of("binary"), definition())
    first = desk(*RUN, "--as-of", "2025-03-02", code=3).json
    assert ("first_champion", "clock") == (first["outcome"], first["waiting_for"][0]["kind"])
    second = desk(*RUN, "--as-of", "2025-05-21", code=3).json
    assert "promoted" == second["outcome"], second["why"]
    results = {stage["id"]: stage["results"] for stage in second["stages"]}
    assert "recent" == results["retrain"]["challenger"]["value"]
    assert results["trigger"]["triggers_fired"]["value"] >= 1
    done = desk("resume", second["run"], "--as-of", "2025-06-01", "--json").json
    assert ("done", "promoted") == (done["state"], done["outcome"])
    watched = done["stages"][-1]["results"]["post_deployment"]
    assert "the promise is kept" in watched["reason"]
    assert "keep" == watched["value"]  # ten days are enough to see a major shift of the inputs, and there is none
    verified = desk("verify", "--json").json
    assert (True, 2, []) == (verified["ok"], verified["runs"], verified["problems"])
    assert 6 == verified["sign_offs"] == verified["demo"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_numbers_and_several_classes(make_desk, rows_of, definition, step, task):
    """A first champion by commands; then every cell of the seven notebooks shows something, champion beside it.

    The regression has no groups. Of the classes, one gets another name between champion and challenger.
    """
    desk, rows = make_desk(), rows_of(task)
    if task == "multiclass":
        rows.loc[rows.index >= 65 * 12, "y"] = rows["y"].replace({"high": "urgent"})
    desk.give(rows, definition(task=task, **({"more": ""} if task == "regression" else {})))
    first = desk(*RUN, "--as-of", "2025-03-02", code=3).json
    assert "first_champion" == first["outcome"], first["why"]
    stages = step(desk, "2025-05-21", 1, 2, 3, 4, 5, 6, 7)
    assert [None] * 7 == [stage.error for stage in stages], stages[-1].error
    assert "recent" == stages[3].results["challenger"].value
    assert "promoted" == stages[5].outcome
    assert desk("verify", "--json").json["ok"]
