"""What was read, cleaned and trained, as small tables for people. One row a fact, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.rendering import render_value

if TYPE_CHECKING:  # a table of what was read needs no scikit-learn
    from sopkit.modelling.challengers import Recipe
    from sopkit.modelling.cleaning import Cleaned
    from sopkit.modelling.sources import Snapshot
    from sopkit.modelling.training import Fitted

__all__ = ["cleaning_table", "origin_table", "recipes_table", "training_table"]


def _facts(facts: Mapping[str, object]) -> pd.DataFrame:
    shown = {name: value if isinstance(value, str) else render_value(value) for name, value in facts.items()}
    return pd.DataFrame({"": shown.values()}, index=pd.Index(shown.keys(), name="fact"))


def origin_table(snapshot: Snapshot) -> pd.DataFrame:
    """Source, rows, columns and the time they span."""
    origin = snapshot.origin
    return _facts(
        {
            "source": origin["source"],
            "as of": pd.Timestamp(origin["as_of"]).to_pydatetime(),
            "rows at the source": origin["rows_raw"],
            **_data_sets(origin.get("data_sets", ())),
            "rows not there yet, as of the clock": origin["rows_from_as_of_on"],
            "rows older than the history in use": origin["rows_older_than_history"],
            "rows read": origin["rows"],
            "columns": len(origin["columns"]),
            "first row": pd.Timestamp(origin["time"]["from"]).to_pydatetime(),
            "last row": pd.Timestamp(origin["time"]["to"]).to_pydatetime(),
            "label delay": origin["label_delay"],
            "rows whose label is not known yet": origin["labels_withheld"],
        }
    )


def _data_sets(told: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in told:
        known = f", {each['rows_known_by_id']:,} known by their id" if each["rows_known_by_id"] else ""
        name = f"accepted data set {each['name']} (sha256 {each['digest'][:12]}…)"
        found[name] = f"{each['rows_added']:,} of {each['rows']:,} rows added{known}"
    return found


def cleaning_table(cleaned: Cleaned) -> pd.DataFrame:
    """What was taken out or changed, by rule; the last row is what stays."""
    rows = [("rows read", cleaned.rows_before)]
    rows += [(f"removed: {reason}", count) for reason, count in cleaned.removed.items() if count]
    rows += [(f"changed to missing or number: {reason}", count) for reason, count in cleaned.changed.items() if count]
    rows += [("rows that stay", len(cleaned.table))]
    return pd.DataFrame(
        {"rows": [f"{count:,}" for _, count in rows]}, index=pd.Index([name for name, _ in rows], name="rule")
    )


def recipes_table(recipes: Iterable[Recipe]) -> pd.DataFrame:
    """One row a recipe."""
    rows = [
        {
            "recipe": recipe.name,
            "in words": recipe.title,
            "estimator": recipe.estimator.rpartition(".")[2],
            "parameters": ", ".join(f"{name}={value}" for name, value in recipe.parameters.items()) or "defaults",
            "features": len(recipe.features),
            "window": "all past rows" if recipe.window is None else render_duration(recipe.window),
        }
        for recipe in recipes
    ]
    return pd.DataFrame(rows).set_index("recipe")


def training_table(fitted: Fitted) -> pd.DataFrame:
    """Algorithm, rows and what it cost."""
    used = fitted.resources
    return _facts(
        {
            "recipe": fitted.recipe.title or fitted.recipe.name,
            "estimator": fitted.recipe.estimator,
            "rows": fitted.rows,
            "rows from": fitted.trained_from.to_pydatetime(),
            "rows until": fitted.trained_until.to_pydatetime(),
            "wall time": f"{used['wall_seconds']:.1f} s",
            "processor time": f"{used['cpu_seconds']:.1f} s",
            "peak memory of the process": f"{used['peak_memory_mb']:,.0f} MB",
            "threads": used["most_threads"],
            "notes": "; ".join(fitted.notes) or "none",
        }
    )
