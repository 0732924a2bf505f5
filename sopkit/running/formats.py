"""What a stage attaches, as bytes: the name's ending decides the format.

`.json` `.csv` `.parquet` `.html` `.md` `.txt` `.png` `.skops`; models are written and read by the
registry, never by pickle.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from sopkit.definitions.results import plain
from sopkit.errors import WrongUse

__all__ = ["MEDIA_TYPES", "from_bytes", "to_bytes"]

MEDIA_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".png": "image/png",
    ".skops": "application/vnd.skops",
}


def to_bytes(name: str, value: Any) -> tuple[bytes, str]:
    """`value` in the format of `name`, and its media type. Raises WrongUse for an unknown ending."""
    ending = PurePath(name).suffix
    if ending not in MEDIA_TYPES:
        raise WrongUse(f"cannot attach `{name}`", expected=f"a name that ends in {' '.join(MEDIA_TYPES)}")
    return _bytes(ending, value), MEDIA_TYPES[ending]


def _bytes(ending: str, value: Any) -> bytes:
    match ending:
        case ".json":
            facts = plain(value.to_dict() if hasattr(value, "to_dict") else value)
            return (json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
        case ".csv":
            from sopkit.modelling.tables import csv_bytes

            return csv_bytes(value)
        case ".parquet":
            from sopkit.modelling.tables import parquet_bytes

            return parquet_bytes(value)
        case ".png":
            return bytes(value.png())
        case ".skops":
            from sopkit.registry import models

            return models.to_bytes(value)
    return str(value).encode()


def from_bytes(name: str, data: bytes, *, module: Any = None) -> Any:
    """The value back from its bytes; text formats come back as text."""
    match PurePath(name).suffix:
        case ".json":
            return json.loads(data)
        case ".csv":
            from sopkit.modelling.tables import read_csv_bytes

            return read_csv_bytes(data)
        case ".parquet":
            from sopkit.modelling.tables import read_parquet_bytes

            return read_parquet_bytes(data)
        case ".png":
            return data
        case ".skops":
            from sopkit.registry import models

            return models.from_bytes(data, module=module)
    return data.decode()
