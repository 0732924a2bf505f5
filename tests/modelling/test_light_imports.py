"""A stage that fits nothing does not pay for scikit-learn."""

from __future__ import annotations

import subprocess
import sys

LIGHT = (
    "from sopkit import modelling, evidence, stage\n"
    "for name in ('read', 'clean', 'target', 'split', 'recipes', 'recipes_table', 'origin_table',\n"
    "             'cleaning_table', 'label_columns', 'newest', 'describe'):\n"
    "    getattr(modelling, name)\n"
    "import sys\n"
    "print(sorted({name.partition('.')[0] for name in sys.modules} & {'sklearn', 'evidently', 'matplotlib'}))\n"
)


def test_reading_cleaning_and_splitting_do_not_import_scikit_learn():
    """What collect and prepare need of `modelling` loads neither scikit-learn nor anything as heavy."""
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
