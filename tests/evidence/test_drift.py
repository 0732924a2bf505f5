from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sopkit.definitions.results import Verdict
from sopkit.errors import NotEnoughEvidence, NotFound
from sopkit.evidence import distances, rules
from sopkit.evidence.bootstrap import time_blocks
from sopkit.evidence.design_effect import by_blocks, by_rows, deal
from sopkit.evidence.drift import drift

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
    chance = by_rows(shares * 1000, shares * 800)
    assert chance.expected / chance.bins * stats.chi2.ppf(0.95, chance.bins) == pytest.approx(
        np.quantile(values, 0.95), rel=0.1
    )


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
    """Without drift at most five of a hundred pairs of samples have a column that fails, at any size."""
    alarms = sum(bool(drift(sample(rows, 2 * s), sample(rows, 2 * s + 1), KINDS).drifted) for s in range(100))
    assert alarms <= 5


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


def test_sizes_name_blocks_without_calling_them_time():
    """Blocks may be entities: they are counted as blocks."""
    before = sample(500, 1)
    found = drift(before, before, {"c": "categorical"}, blocks=(np.arange(500) % 25, np.zeros(500)))
    assert found.sizes == "reference: 500 rows in 25 blocks, current: 500 rows in 1 block"


def test_a_column_that_was_not_compared_is_an_error():
    """Asking for what is not there names what is; asking for a picture of what could not be compared says why."""
    found = drift(GOOD, GOOD.drop(columns="a"), KINDS)
    with pytest.raises(NotFound, match="no column 'q'"):
        found.column_figure("q")
    with pytest.raises(NotEnoughEvidence, match="could not be compared"):
        found.column_figure("a")


# ---- rows that belong together ------------------------------------------------------------------------------


def days(
    random: np.random.Generator, number: int, rows: int = 40, level: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of so many days: `a` shares half of its variance, `b` all of it with its day; `c` nothing."""
    day = np.repeat(np.arange(number), rows)
    shared = random.normal(0, 1, number)[day]
    size = len(day)
    table = pd.DataFrame({
        "a": level + shared + random.normal(0, 1, size),
        "b": level + random.normal(0, 1, number)[day],
        "c": random.choice(["x", "y", "z"], size),
    })  # fmt: skip
    return table, day


DAYS = {"a": "numeric", "b": "numeric", "c": "categorical"}


def test_the_noise_of_days_is_what_simulation_gives():
    """Ninety days against thirty of the same world, two hundred times: p-values are as rare as they say."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(200):
        before, now = days(random, 90), days(random, 30)
        found.append(drift(before[0], now[0], DAYS, blocks=(before[1], now[1])).column("a"))
    assert np.mean([c.p_value < 0.05 for c in found]) <= 0.09
    assert np.mean([c.p_value < 0.5 for c in found]) == pytest.approx(0.5, abs=0.1)


def test_days_that_differ_are_no_drift():
    """Rows that share their day's weather raise an alarm in most pairs of months if each row stands for itself, and as
    rarely as the false-discovery rate says if days do."""
    random = np.random.default_rng(1)
    pairs = [(days(random, 90), days(random, 30)) for _ in range(40)]
    by_day = [drift(b[0], n[0], DAYS, blocks=(b[1], n[1])) for b, n in pairs]
    by_row = [drift(b[0], n[0], DAYS) for b, n in pairs]
    assert sum(found.verdict is Verdict.FAIL for found in by_day) <= 4
    assert sum(bool(found.drifted) for found in by_row) >= 36
    assert {found.column("c").verdict for found in by_day} == {Verdict.PASS}
    assert "chance alone could make" in by_day[0].column("b").reason


def test_days_that_moved_are_drift_all_the_same():
    """A level that moves by two standard deviations of a day is found among the differences between days."""
    random = np.random.default_rng(2)
    before, now = days(random, 90), days(random, 30, level=2.0)
    assert drift(before[0], now[0], DAYS, blocks=(before[1], now[1])).drifted == ["a", "b"]


def test_rows_that_are_blocks_of_their_own_are_rows():
    """With every row a block the noise of the index is the chi-square of independent rows."""
    random = np.random.default_rng(3)
    codes = random.choice(10, 6000)
    one = np.eye(10)[codes[:4000]], np.eye(10)[codes[4000:]]
    groups = [deal(np.arange(len(side)), len(side)) for side in one]
    dealt = [np.array([side[at == g].sum(axis=0) for g in range(n)]) for side, (at, n) in zip(one, groups, strict=True)]
    wanted = by_rows(one[0].sum(axis=0), one[1].sum(axis=0))
    for found, within in ((by_blocks(*one), 0.01), (by_blocks(*dealt), 0.05)):
        assert found.expected == pytest.approx(wanted.expected, rel=within)
        assert found.bins == pytest.approx(wanted.bins, rel=within)
        assert found.p_value == pytest.approx(wanted.p_value, abs=0.03)


def test_the_p_value_of_blocks_is_that_of_a_f_test_in_the_plain_case():
    """Two bins, blocks of one size: the square of a two-sample t statistic of the blocks' shares."""
    random = np.random.default_rng(4)
    before, now = random.binomial(50, 0.4, 30) / 50, random.binomial(50, 0.45, 25) / 50
    counts = [50 * np.column_stack([side, 1 - side]) for side in (before, now)]
    chance = by_blocks(*counts)
    wanted = stats.ttest_ind(before, now, equal_var=False)
    assert chance.difference / chance.expected == pytest.approx(wanted.statistic**2, rel=1e-9)
    assert chance.p_value == pytest.approx(wanted.pvalue, rel=0.01)


def test_one_block_borrows_the_differences_of_the_other_side_and_too_few_say_so():
    """A month that is one block is held against the differences among the months before; three blocks are too few."""
    random = np.random.default_rng(5)
    before, now = days(random, 24), days(random, 1)
    found = drift(
        before[0], now[0], {"a": "numeric"}, blocks=(before[1], now[1]), limits=replace(rules.DRIFT, minimum_rows=20)
    )
    assert np.isfinite(found.column("a").p_value)
    few, other = days(random, 2), days(random, 1)
    found = drift(
        few[0], other[0], {"a": "numeric"}, blocks=(few[1], other[1]), limits=replace(rules.DRIFT, minimum_rows=20)
    )
    assert found.column("a").verdict is Verdict.INSUFFICIENT
    assert "only 3 blocks" in found.column("a").reason


# ---- real flights -------------------------------------------------------------------------------------------


def test_weather_has_moved_from_winter_to_june_and_airlines_have_not(flights, flights_model):
    """On real flights temperature, dew point and wind drift, by days; carrier, origin and hour do not."""
    winter = flights[flights["time_hour"] < "2013-04-01"]
    june = flights[(flights["time_hour"] >= "2013-06-01") & (flights["time_hour"] < "2013-07-01")]
    found = drift(
        winter, june, flights_model.features, blocks=(time_blocks(winter["time_hour"]), time_blocks(june["time_hour"]))
    )
    assert {"temp", "dewp", "wind_dir"} <= set(found.drifted)
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
