"""Right decisions on real data: what the retraining SOP decides, beside "the data set has drifted, so retrain".

Each case is a workspace of its own: a model file (in `models/`), a champion as of one date, a run as of a later one,
by the `sop` command, with the default rules. What is right was found beforehand and stands in `PROVENANCE.md` of the
data sets. The rule of thumb is evidently's preset with its own defaults: half of the columns have drifted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import yaml

from tests.benchmarks.report import Report

CHECKOUT = Path(__file__).parents[2]
DATA = CHECKOUT.parent / "shared" / "data"
MODELS = Path(__file__).parent / "models"
SAMPLE = 5000  # rows of each side that the rule of thumb sees, as in the report of stage 5


@dataclass(frozen=True)
class Case:
    """One decision. `edits` are laid over the model file; `right` is `promote` or `keep`.

    A champion that no evidence would have let into service is `adopted`, as of that date, as one that serves already.
    """

    name: str
    model: str
    champion: str
    as_of: str
    right: str
    edits: Mapping[str, Any] = field(default_factory=dict)
    adopted: str = ""


@dataclass(frozen=True)
class Decided:
    """What came: `outcome` of the run, the `challenger` that was tried, `why`, and what the rule of thumb says."""

    case: str
    right: str
    outcome: str
    challenger: str
    why: str
    drifted: float

    @property
    def ours(self) -> bool:
        return (self.outcome == "promoted") == (self.right == "promote")

    @property
    def thumb(self) -> bool:
        return (self.drifted >= 0.5) == (self.right == "promote")


ASKED = "a case of the benchmark"  # so that there is a decision whether or not a trigger fires
ALL_PAST = {"challengers": {"all-past": {}}}
EIGHT_MONTHS = {"challengers": {"recent": {"window": "245d"}}}
HALF_A_YEAR = {"challengers": {"recent": {"window": "182d"}}}
ADOPTED = "2009-05-01"
WHOLE_YEAR = {"evaluation": {"window": "365d"}}
NO_LIGHT = {"features": {name: None for name in ("Temperature", "Humidity", "CO2", "HumidityRatio")}}
CASES = [
    *(
        Case(f"Flights, {month}", "flights", "2013-04-01", as_of, right)
        for month, as_of, right in (
            ("June", "2013-07-01", "promote"),
            ("July", "2013-08-01", "promote"),
            ("September", "2013-10-01", "promote"),
            ("November", "2013-12-01", "keep"),
            ("December", "2014-01-01", "keep"),
        )
    ),
    Case("Bank, 2009-05 to 12, all past", "bank", "2008-09-01", "2010-01-01", "keep", ALL_PAST, ADOPTED),
    Case(
        "Bank, 2009-05 to 12, recent",
        "bank",
        "2008-09-01",
        "2010-01-01",
        "promote",
        EIGHT_MONTHS,
        ADOPTED,
    ),
    Case("Bank, 2009-05 to 12, both", "bank", "2008-09-01", "2010-01-01", "promote", {}, ADOPTED),
    Case("Bank, 2010", "bank", "2008-09-01", "2011-01-01", "promote", WHOLE_YEAR, ADOPTED),
    Case("Bicycles, third quarter, all past", "bike", "2012-01-01", "2012-10-01", "keep", ALL_PAST),
    Case(
        "Bicycles, third quarter, recent",
        "bike",
        "2012-01-01",
        "2012-10-01",
        "promote",
        HALF_A_YEAR,
    ),
    Case("Bicycles, third quarter, both", "bike", "2012-01-01", "2012-10-01", "promote"),
    Case("Readmissions, blocks 11 and 12", "diabetes", "1970-01-06", "1970-01-14", "promote"),
    Case("Shoppers, November", "shoppers", "1900-06-01", "1900-12-01", "keep"),
    Case("Shoppers, December", "shoppers", "1900-06-01", "1901-01-01", "keep"),
    Case("Complaints (text), from July 2019", "complaints", "2019-02-01", "2020-06-01", "promote"),
    Case("Occupancy without light", "occupancy", "2015-02-04T10:45", "2015-02-19", "keep", NO_LIGHT, "2015-02-11"),
    Case("Occupancy with light", "occupancy", "2015-02-04T10:45", "2015-02-19", "keep"),
]


def decide(case: Case, folder: Path) -> Decided:
    """Both runs of the case, in a new workspace below `folder`."""
    root = folder / "".join(c if c.isalnum() else "-" for c in case.name.lower())
    sop(folder, "new", root.name)
    _write_model(case, root)
    who = ["--model", case.model, "--demo-reviewers"]
    if case.adopted:
        until = ["--trained-until", case.champion, "--as-of", case.adopted]
        sop(root, "adopt", case.model, "recipe", *until, "--demo-reviewers")
    else:
        sop(root, "run", "retraining", *who, "--as-of", case.champion)
    sop(root, "run", "retraining", *who, "--as-of", case.as_of, "--until", "deploy", "--reason", ASKED)
    state = json.loads(sop(root, "status", "last", "--json"))
    results = {stage["id"]: stage["results"] for stage in state["stages"]}
    tried = results["retrain"].get("challenger", {}).get("value") or "-"
    drifted = _rule_of_thumb(case, root)
    return Decided(case.name, case.right, state["outcome"] or state["state"], tried, state.get("why", ""), drifted)


def sop(folder: Path, *words: str) -> str:
    """The command, in `folder`; its standard output, whatever its exit code is."""
    command = [sys.executable, "-c", "from sopkit.cli import main; main()", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 3, 4):
        raise RuntimeError(f"sop {' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def measure(quick: bool, tell: Callable[[str], None]) -> Report:
    """Every case, two at a time; `quick`: without those of flights and readmissions, which are large.

    Raises AssertionError where the data sets are not there.
    """
    assert DATA.is_dir(), f"the data sets are not there: {DATA.name}/ beside the checkout's folder"
    cases = [case for case in CASES if not (quick and case.model in ("flights", "diabetes"))]
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as two:
        decided = []
        for found in two.map(lambda case: decide(case, Path(folder)), cases):
            tell(f"{found.case}: {found.outcome} ({'right' if found.ours else 'wrong'})")
            decided.append(found)
    ours, thumb = (sum(getattr(found, name) for found in decided) for name in ("ours", "thumb"))
    return Report(_page(decided, ours, thumb), {"cases": [asdict(found) for found in decided]})


def _page(decided: Sequence[Decided], ours: int, thumb: int) -> str:
    lines = [
        "# Right decisions",
        "",
        f"The retraining SOP with its default rules is right in **{ours} of {len(decided)}** cases, "
        f"'the data set has drifted, so retrain' in **{thumb} of {len(decided)}**.",
        "",
        "| case | right | the SOP decides | challenger | columns drifted | drifted, so retrain |",
        "|---|---|---|---|---|---|",
    ]
    for found in decided:
        mark = {True: "✓", False: "✗"}
        drift = f"{mark[found.thumb]} {'retrain' if found.drifted >= 0.5 else 'keep'}"
        outcome = f"{mark[found.ours]} {found.outcome.replace('_', ' ')}"
        lines.append(
            f"| {found.case} | {found.right} | {outcome} | {found.challenger} | {found.drifted:.0%} | {drift} |"
        )
    return "\n".join([*lines, "", "Made by `make bench ONLY=decisions`.", ""])


def _write_model(case: Case, root: Path) -> None:
    """The model file of the case, with its edits, in the workspace, and the data beside it."""
    path = root / "templates" / "models" / f"{case.model}.yaml"
    text = path.read_text() if case.model == "flights" else (MODELS / path.name).read_text()
    definition = {**yaml.safe_load(text)}
    for field_, value in case.edits.items():
        whole = field_ in ("challengers", "features")
        definition[field_] = value if whole else {**definition.get(field_, {}), **value}
    path.write_text(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True))
    source = definition["data"]["source"]
    if (DATA / source).is_file():
        (root / source).symlink_to(DATA / source)


def _rule_of_thumb(case: Case, root: Path) -> float:
    """Share of columns that evidently calls drifted: the champion's rows against those that the run judges."""
    from sopkit import evidence, modelling

    model, rows = _rows(case, root, case.as_of)
    now, before = modelling.newest(rows, model, model.evaluation.window), _rows(case, root, case.champion)[1]
    report = evidence.evidently_report(before, now, model.features, sample=SAMPLE)
    shares = [metric["value"]["share"] for metric in report.json["metrics"] if "share" in str(metric.get("value"))]
    return float(shares[0])


def _rows(case: Case, root: Path, as_of: str) -> tuple[Any, pd.DataFrame]:
    """The model file, and its cleaned rows as of a date."""
    from sopkit import modelling
    from sopkit.definitions.files import load_model

    model = load_model(root / "templates" / "models" / f"{case.model}.yaml")
    module = root / "templates" / "models" / f"{case.model}.py"
    clock = pd.Timestamp(as_of, tz="UTC").to_pydatetime()
    found = modelling.read(model, as_of=clock, root=root, module=module if module.is_file() else None)
    return model, modelling.clean(found.table, model, as_of=clock).table
