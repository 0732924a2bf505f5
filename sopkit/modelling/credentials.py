"""Credentials by name: `${NAME}` in a model file stands for a value that is never written down.

The rules:
* values come from the mapping that the caller passes, never from the environment;
* a name without a value is an error that says the name;
* no value leaves this module in an error, an origin or a traceback: `scrub` puts the name back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from sopkit.errors import DataError

__all__ = ["expand", "names_in", "scrub"]

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(value: Any) -> list[str]:
    """The credentials that `value` (a text, or a list or dict of them) asks for, in order of appearance."""
    if isinstance(value, str):
        return list(dict.fromkeys(_NAME.findall(value)))
    if isinstance(value, Mapping):
        return list(dict.fromkeys(name for item in value.values() for name in names_in(item)))
    if isinstance(value, list | tuple):
        return list(dict.fromkeys(name for item in value for name in names_in(item)))
    return []


def expand(value: Any, credentials: Mapping[str, str], *, where: object = None) -> Any:
    """`value` with every `${NAME}` replaced, also in lists and dicts. Raises DataError for a name without a value."""
    missing = [name for name in names_in(value) if not credentials.get(name)]
    if missing:
        raise DataError(
            f"the credential {missing[0]} has no value",
            where=where,
            expected=f"a value for {', '.join(missing)}",
            got=f"credentials for this stage: {', '.join(sorted(credentials)) or 'none'}",
            remedy=f"set the environment variable {missing[0]} and name it under the stage's credentials in the SOP",
        )
    if isinstance(value, str):
        return _NAME.sub(lambda found: credentials[found[1]], value)
    if isinstance(value, Mapping):
        return {key: expand(item, credentials, where=where) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [expand(item, credentials, where=where) for item in value]
    return value


def scrub(text: object, credentials: Mapping[str, str]) -> str:
    """`text` with every credential's value (also as it stands in a URL) replaced by `${NAME}`; longest values first."""
    clean = str(text)
    for name, value in sorted(credentials.items(), key=lambda item: -len(item[1])):
        for form in {value, quote(value, safe=""), quote(value), quote_plus(value), unquote(value), repr(value)[1:-1]}:
            if form:
                clean = clean.replace(form, f"${{{name}}}")
    return clean
