"""Numbers that stand side by side to be compared: three significant digits, intervals by their ends, `–` for nothing.

`wording` writes a value as it was recorded, for those who check it.
"""

from __future__ import annotations

import math
from typing import Any

from sopkit.views import wording

__all__ = ["ends", "finite", "percent", "signed", "three"]


def finite(value: Any) -> float | None:
    """A number of an artifact, None for what is none: JSON keeps `NaN` and `Infinity` as words."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def three(value: Any, unit: str = "") -> str:
    """`0.7` is `0.700`, `27238` is `27,238`; a share of something (`of no-skill`, `%`) is written in percent."""
    if value is None or value == "NaN":
        return wording.MISSING
    if value in ("Infinity", "-Infinity"):
        return str(value).replace("Infinity", "∞")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return wording.value(value, unit)
    if unit == "%" or unit.startswith(("of ", "share")):
        return f"{_digits(100 * value)} % {unit if unit.startswith('of ') else unit.partition(' ')[2]}".strip()
    return f"{_digits(value)} {unit}".strip()


def _digits(value: float) -> str:
    if not math.isfinite(value):
        return wording.MISSING
    if value == round(value) or abs(value) >= 1000:
        return f"{round(value):,}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}" if places <= 7 else f"{value:.0e}"


def percent(value: Any) -> str:
    """A share with one digit: `17.9 %`; little is not nothing."""
    share = finite(value)
    if share is None:
        return wording.MISSING
    if share == 0:
        return "0 %"
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def signed(value: Any, unit: str = "") -> str:
    """A change, with its sign."""
    number = finite(value)
    told = three(value if number is None else number, unit)
    return f"+{told}" if number is not None and number > 0 else told


def ends(low: Any, high: Any) -> str:
    """`0.00563 to 0.0362`; nothing where there is no interval."""
    known = [finite(end) for end in (low, high)]
    return "" if None in known else f"{three(known[0])} to {three(known[1])}"
