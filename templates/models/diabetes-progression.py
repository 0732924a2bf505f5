"""The diabetes data that come with scikit-learn (Efron et al. 2004), with a constructed order of time.

The study publishes no dates. So that the data can be split by time at all, each patient is given one day,
in the order of the file, from 2020-01-01 on. Nothing about real time can be learnt from it.
"""

from datetime import datetime

import pandas as pd
from sklearn.datasets import load_diabetes


def load(as_of: datetime | None = None) -> pd.DataFrame:
    """One row a patient until `as_of`: 442 patients, ten measurements in their own units, and the target."""
    rows = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    rows.insert(0, "patient", range(1, len(rows) + 1))
    rows.insert(1, "day", pd.date_range("2020-01-01", periods=len(rows), freq="D", tz="UTC"))
    return rows if as_of is None else rows[rows["day"] <= as_of]
