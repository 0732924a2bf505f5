"""The default data set, as a newcomer's first run meets it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score

from sopkit import modelling
from sopkit.definitions import load_model


def test_flights_of_june_are_better_forecast_with_spring(checkout: Path) -> None:
    """As of July: rows, cleaning and splits are right, and all past beats the champion of January to March."""
    folder = checkout / "templates" / "models"
    model, as_of = load_model(folder / "flights.yaml"), datetime(2013, 7, 1, tzinfo=UTC)
    snapshot = modelling.read(model, as_of=as_of, root=checkout, module=folder / "flights.py")
    assert snapshot.table["time_hour"].max() < pd.Timestamp(as_of)
    cleaned = modelling.clean(snapshot.table, model, as_of=as_of)
    assert cleaned.removed == {"cancelled, never departed": 4867, "diverted, or no arrival recorded": 595}
    splits = modelling.split(cleaned.table, model, as_of=as_of, champion_trained_until="2013-03-31")
    assert splits.boundaries["holdout_until"] == "2013-06-30T00:00:00+00:00"
    came, recipe = modelling.target(splits.holdout, model), modelling.recipe(model)
    spring = splits.train[splits.train["time_hour"] < pd.Timestamp("2013-03-31", tz="UTC")]
    champion, challenger = (modelling.fit(recipe, rows, model).pipeline for rows in (spring, splits.train))
    stale, fresh = (
        roc_auc_score(came, modelling.predict(fitted, splits.holdout, model)) for fitted in (champion, challenger)
    )
    assert fresh - stale > 0.01
