"""Numbers of evidence as people read them side by side: three significant digits, `–` for nothing.

`wording` writes a value as it was recorded, for those who check it.
"""

from __future__ import annotations

import math
from typing import Any

from sopkit.views import wording

__all__ = ["finite", "percent", "three"]


def finite(value: Any) -> float | None:
    """A number of an artifact, None for what is none: JSON keeps `NaN` and `Infinity` as words."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def three(value: Any, unit: str = "") -> str:
    """`0.7326` is `0.733`, `27238` is `27,238`; a share of something is written in percent."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return wording.MISSING
    if isinstance(value, float):
        if not math.isfinite(value):
            return wording.MISSING
        value = float(round(value)) if abs(value) >= 1000 else float(f"{value:.3g}")
        value = value or 0.0  # no minus before a zero
    return wording.value(value, unit)


def percent(value: Any) -> str:
    """A share with one digit: `17.9 %`; little is not nothing."""
    share = finite(value)
    if share is None:
        return wording.MISSING
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %".replace(".0 %", " %")
