"""sopkit: the procedures that keep a machine-learning model healthy, with a record that holds.

The house, from the ground up (imports point downwards only):

* `definitions` what people write: SOP, model and people files; the schema of results.
* `archive`     what is kept: log, store, run notebooks, sign-offs, gates, verification.
* `evidence`    what a verdict rests on: pure measurements and their rules.
* `modelling`   data sources, splits by time, pipelines, fitting.
* `registry`    model versions and aliases.
* `running`     the runner, the kernels, and `stage`, which is what a notebook sees.
* `views`       facts into text and HTML.
* `cli`         what people touch.

In a stage notebook: `from sopkit import stage`.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["__version__", "evidence", "modelling", "stage"]
__version__ = "0.1.0"

# jupyter-events (0.12) imports rfc3987_syntax, which builds a grammar for 0.7 s in every process
# that imports nbformat; without it one optional JSON Schema format is not checked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

_LAZY = {
    "stage": "sopkit.running.stage",
    "evidence": "sopkit.evidence",
    "modelling": "sopkit.modelling",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(_LAZY[name])
    raise AttributeError(f"module 'sopkit' has no attribute {name!r}")
