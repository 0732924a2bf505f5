from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sopkit.definitions.results import Verdict
from sopkit.errors import NotEnoughEvidence, NotFound
from sopkit.evidence import distances, rules
from sopkit.evidence.drift import drift, same_season, season_before

KINDS = {"a": "numeric", "b": "numeric", "c": "categorical"}


def sample(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": random.normal(shift, 1, rows),
            "b": random.exponential(1, rows),
            "c": random.choice(list("xyz"), rows, p=[0.5, 0.3, 0.2]),
        }
    )


# ---- values equal the libraries' ----------------------------------------------------------------------------


def test_the_index_is_the_sum_over_bins_by_hand():
    """PSI is the sum of (c - r) ln(c / r) over shares, an empty bin counting as half a row."""
    reference, current = [50, 30, 20, 0], [40, 40, 10, 10]
    r, c = [0.5, 0.3, 0.2, 0.005], [0.4, 0.4, 0.1, 0.1]
    by_hand = sum((y - x) * np.log(y / x) for x, y in zip(r, c, strict=True))
    assert distances.population_stability_index(reference, current) == pytest.approx(by_hand)


def test_an_empty_side_has_no_index():
    """Without rows on one side there is no number, not a nice one."""
    assert np.isnan(distances.population_stability_index([0, 0], [1, 2]))
    assert np.isnan(distances.jensen_shannon([0, 0], [1, 2]))
    assert np.isnan(distances.wasserstein([], [1.0]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_distances_equal_evidentlys_own_calculation(shift):
    """Jensen-Shannon and the normed Wasserstein distance are what evidently calculates on the same columns."""
    from evidently.legacy.calculations.stattests.jensenshannon import _jensenshannon
    from evidently.legacy.calculations.stattests.wasserstein_distance_norm import _wasserstein_distance_norm
    from evidently.legacy.core import ColumnType

    before, now = sample(3000, 1), sample(2000, 2, shift)
    now.loc[:200, "c"] = "new"
    found = drift(before, now, KINDS)
    for name, kind in (("a", ColumnType.Numerical), ("b", ColumnType.Numerical), ("c", ColumnType.Categorical)):
        theirs, _ = _jensenshannon(before[name], now[name], kind, 0.1)
        assert found.column(name).jensen_shannon == pytest.approx(theirs, abs=1e-12)
    for name in ("a", "b"):
        theirs, _ = _wasserstein_distance_norm(before[name], now[name], ColumnType.Numerical, 0.1)
        assert found.column(name).wasserstein == pytest.approx(theirs, rel=1e-12)


def test_p_values_equal_scipys():
    """Kolmogorov-Smirnov, chi-square of homogeneity and Benjamini-Hochberg are scipy's."""
    before, now = sample(800, 1), sample(700, 2, 0.1)
    assert distances.kolmogorov_smirnov(before.a, now.a)[1] == stats.ks_2samp(before.a, now.a, method="asymp").pvalue
    counts = np.array([[50, 30, 20], [60, 20, 30]])
    assert distances.chi_square(*counts)[1] == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)
    p = np.array([0.01, np.nan, 0.03, 0.5])
    assert distances.adjusted(p)[[0, 2, 3]] == pytest.approx(stats.false_discovery_control([0.01, 0.03, 0.5]))
    assert np.isnan(distances.adjusted(p)[1])


def test_bins_are_the_references_deciles():
    """Numbers fall into the reference's quantile bins, counted by brute force."""
    before, now = sample(1000, 1), sample(900, 2, 0.5)
    inner = np.quantile(before.a, np.arange(1, 10) / 10)

    def counts(values: pd.Series) -> list[int]:
        ends = [-np.inf, *inner, np.inf]
        return [int(((values > low) & (values <= high)).sum()) for low, high in pairwise(ends)]

    found = drift(before, now, {"a": "numeric"}).column("a")
    assert found.psi == pytest.approx(distances.population_stability_index([*counts(before.a), 0], [*counts(now.a), 0]))


def test_the_noise_of_the_index_is_what_simulation_gives():
    """The 95 % quantile of the index without drift is (1/n + 1/m) times chi-square, within a tenth."""
    random = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    values = [
        distances.population_stability_index(random.multinomial(1000, shares), random.multinomial(800, shares))
        for _ in range(2000)
    ]
    assert distances.psi_by_chance(10, 1000, 800) == pytest.approx(np.quantile(values, 0.95), rel=0.1)


# ---- the verdict --------------------------------------------------------------------------------------------


def test_a_shift_that_matters_is_found_and_named():
    """A column that moved by one standard deviation fails, the others pass, and the sentence names it."""
    found = drift(sample(2000, 1), sample(2000, 2, 1.0), KINDS)
    assert found.drifted == ["a"]
    assert "a moved: 33%" in found.reason
    assert found.verdict is Verdict.FAIL
    assert found.share == pytest.approx(1 / 3)


def test_a_million_rows_without_a_change_that_matters_stay_quiet():
    """A shift of a hundredth of a standard deviation is significant at any level with very many rows, and passes."""
    random = np.random.default_rng(0)
    before = pd.DataFrame({"a": random.normal(0, 1, 1_000_000)})
    now = pd.DataFrame({"a": random.normal(0.02, 1, 1_000_000)})
    found = drift(before, now, {"a": "numeric"}).column("a")
    assert found.p_value < 1e-12
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize("rows", [300, 1000, 5000])
def test_without_drift_alarms_are_rare(rows):
    """Without drift at most one of a hundred pairs of samples has a column that fails, at any size."""
    alarms = sum(bool(drift(sample(rows, 2 * s), sample(rows, 2 * s + 1), KINDS).drifted) for s in range(100))
    assert alarms <= 1


def test_few_rows_are_insufficient_not_a_pass():
    """Where chance alone could reach the limit, the column cannot be judged, and the whole is open."""
    found = drift(sample(2000, 1), sample(60, 2), KINDS)
    assert found.column("a").verdict is Verdict.INSUFFICIENT
    assert "chance alone" in found.column("a").reason
    assert found.verdict is Verdict.INSUFFICIENT


def test_a_flagrant_shift_is_seen_even_in_few_rows():
    """Sixty rows far away from all that was seen before are drift."""
    assert drift(sample(2000, 1), sample(60, 2, 8.0), {"a": "numeric"}).column("a").verdict is Verdict.FAIL


def test_a_column_that_goes_missing_has_drifted():
    """Half the values missing, the rest unchanged, is drift, and the reason gives both shares."""
    now = sample(2000, 2)
    now.loc[:999, "a"] = np.nan
    found = drift(sample(2000, 1), now, KINDS).column("a")
    assert found.verdict is Verdict.FAIL
    assert "missing 0% before, 50% now" in found.reason


def test_a_category_never_seen_is_told():
    """New categories count in the index and are named."""
    now = sample(2000, 2)
    now.loc[:499, "c"] = "purple"
    found = drift(sample(2000, 1), now, KINDS).column("c")
    assert found.verdict is Verdict.FAIL
    assert found.new_values == ("purple",)
    assert found.new_share == pytest.approx(0.25)


def test_importance_weighs_half_and_equal_shares_the_other_half():
    """A drifted feature that carries all importance has a weight of a half and its equal share."""
    found = drift(sample(2000, 1), sample(2000, 2, 1.0), KINDS, importance={"a": 5.0, "b": 0.0, "c": -1.0})
    assert found.share == pytest.approx(0.5 + 0.5 / 3)
    assert sum(column.weight for column in found.columns) == pytest.approx(1.0)


def test_the_target_is_compared_apart_from_the_features():
    """Target drift has a measure of its own and no weight among the features."""
    before, now = sample(2000, 1).assign(y=0.0), sample(2000, 2).assign(y=1.0)
    found = drift(before, now, KINDS, target=("y", "categorical"))
    assert found.target is not None
    assert found.target.verdict is Verdict.FAIL
    assert found.verdict is Verdict.PASS
    assert [measure.name for measure in found.measures] == ["drift_share", "target_drift"]


# ---- bad input gives a verdict with a reason, never an exception -----------------------------------------------

GOOD = sample(500, 1)


@pytest.mark.parametrize(
    ("now", "verdict", "reason"),
    [
        (GOOD.iloc[:0], Verdict.INSUFFICIENT, "there are no current rows"),
        (GOOD.drop(columns="a"), Verdict.FAIL, "not in the current rows"),
        (GOOD.assign(a=np.nan), Verdict.FAIL, "100% now"),
        (GOOD.assign(a=np.inf), Verdict.FAIL, "100% now"),
        (GOOD.assign(a="text"), Verdict.FAIL, "100% now"),
        (GOOD.assign(a=None), Verdict.FAIL, "100% now"),
        (GOOD.assign(a=7.0), Verdict.FAIL, "moved far"),
        (GOOD.assign(a=GOOD.a.astype(str)), Verdict.PASS, "stable"),
        (GOOD.assign(a=[[1.0]] * 500), Verdict.FAIL, "100% now"),
        (GOOD.assign(a=pd.array([1] * 250 + [None] * 250, dtype="Int64")), Verdict.FAIL, "50% now"),
        (GOOD.iloc[:10], Verdict.INSUFFICIENT, "only 10 rows"),
        (GOOD.assign(a=GOOD.a * 1000), Verdict.FAIL, "moved far"),
    ],
)
def test_bad_values_get_a_verdict_and_a_reason(now, verdict, reason):
    """Whatever a column holds, the comparison ends in a verdict that says why."""
    found = drift(GOOD, now, {"a": "numeric"}).column("a")
    assert (found.verdict, reason in found.reason) == (verdict, True), found.reason


def test_a_column_empty_on_both_sides_cannot_be_judged():
    """No value before and none now is no evidence of anything."""
    empty = GOOD.assign(a=np.nan)
    assert drift(empty, empty, {"a": "numeric"}).column("a").verdict is Verdict.INSUFFICIENT


def test_no_features_at_all_is_no_drift():
    """A comparison of nothing has no drifted weight and says what it looked at."""
    assert drift(GOOD, GOOD, {}).reason == "None of 0 features has drifted"


@pytest.mark.parametrize("dtype", ["string", "category", object])
def test_categories_of_every_type_are_counted(dtype):
    """pandas 3 strings, categoricals and objects give the same index."""
    before, now = GOOD.astype({"c": dtype}), sample(500, 3).astype({"c": dtype})
    plain = drift(GOOD, sample(500, 3), {"c": "categorical"}).column("c").psi
    assert drift(before, now, {"c": "categorical"}).column("c").psi == pytest.approx(plain)


def test_texts_are_compared_by_their_words():
    """Other words are drift, the same words in another order are not."""
    before = pd.DataFrame({"t": ["late train again", "card was charged twice", "no answer to my letter"] * 300})
    same = before.iloc[::-1].reset_index(drop=True)
    other = pd.DataFrame({"t": ["mortgage rate changed", "student loan payment"] * 450})
    assert drift(before, same, {"t": "text"}).column("t").verdict is Verdict.PASS
    assert drift(before, other, {"t": "text"}).column("t").verdict is Verdict.FAIL


# ---- views --------------------------------------------------------------------------------------------------


def test_everything_is_plain_json_and_drawn():
    """The table, JSON and figures hold every column, hostile names included."""
    hostile = "</script><b>$a$"
    before = sample(500, 1).rename(columns={"a": hostile})
    found = drift(before, before, {hostile: "numeric", "c": "categorical"})
    assert json.loads(json.dumps(found.to_dict()))["columns"][0]["verdict"] == "pass"
    assert "<script" not in found._repr_html_()
    assert "</script>" not in found._repr_html_()
    assert list(found.table.index) == [hostile, "c"]
    for chart in (found.figure(), found.column_figure(hostile), found.column_figure("c")):
        assert chart.png().startswith(b"\x89PNG")


def test_a_column_that_was_not_compared_is_an_error():
    """Asking for what is not there names what is; asking for a picture of what could not be compared says why."""
    found = drift(GOOD, GOOD.drop(columns="a"), KINDS)
    with pytest.raises(NotFound, match="no column 'q'"):
        found.column_figure("q")
    with pytest.raises(NotEnoughEvidence, match="could not be compared"):
        found.column_figure("a")


# ---- the season ---------------------------------------------------------------------------------------------


def season(rows: int = 24 * 500) -> pd.DataFrame:
    at = pd.date_range("2022-01-01", periods=rows, freq="h", tz="UTC")
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {"at": at, "temp": 10 - 12 * np.cos(2 * np.pi * at.dayofyear / 365) + random.normal(0, 3, rows)}
    )


def test_summer_is_drift_against_winter_and_none_against_last_summer():
    """What moved against last quarter but not against last year's same weeks is the season."""
    table = season(24 * 560)
    now = table[table["at"] >= "2023-06-01"]
    assert drift(table[table["at"] < "2022-04-01"], now, {"temp": "numeric"}).drifted == ["temp"]
    found = same_season(table, now, {"temp": "numeric"}, time="at")
    assert found is not None
    assert found.drifted == []


def test_without_a_year_of_history_there_is_no_season_to_compare():
    """A history that does not reach back gives None, not a comparison with something else."""
    table = season(24 * 300)
    now = table[table["at"] >= "2022-10-01"]
    assert same_season(table, now, {"temp": "numeric"}, time="at") is None
    assert same_season(table, now.iloc[:0], {"temp": "numeric"}, time="at") is None
    assert season_before(now["at"])[0] == pd.Timestamp("2021-10-01", tz="UTC")


# ---- real flights -------------------------------------------------------------------------------------------


def test_weather_has_moved_from_winter_to_june_and_airlines_have_not(flights, flights_model):
    """On real flights temperature, dew point and pressure drift; carrier, origin and hour do not."""
    winter = flights[flights["time_hour"] < "2013-04-01"]
    june = flights[(flights["time_hour"] >= "2013-06-01") & (flights["time_hour"] < "2013-07-01")]
    found = drift(winter, june, flights_model.features)
    assert {"temp", "dewp", "pressure", "wind_dir"} <= set(found.drifted)
    assert not {"carrier", "origin", "hour", "dest", "minute"} & set(found.drifted)
    assert found.verdict is Verdict.FAIL
    assert found.share > rules.DRIFT.share


def test_two_weeks_of_the_same_winter_have_not_drifted_in_what_airlines_plan(flights, flights_model):
    """Odd and even days of January are alike in everything but nothing: no feature fails."""
    january = flights[flights["time_hour"] < "2013-02-01"]
    odd = january["time_hour"].dt.day % 2 == 1
    planned = {
        name: flights_model.features[name] for name in ("carrier", "origin", "dest", "hour", "minute", "distance")
    }
    assert drift(january[odd], january[~odd], planned).drifted == []
