"""Which columns may be attributes that the law protects: always a guess, always asked.

The rules:
* a whole word of the name (`sex`), or values that are such words, are written down as protected, with a question;
* a longer word that begins like one (`citizenshipStatus`), an abbreviation of the American census (PUMS data
  dictionary: RAC1P, AGEP, DIS), and places, which may stand for groups of people, are only asked about.
"""

from __future__ import annotations

import re

import pandas as pd

from sopkit.modelling.drafting_names import distinct_values, is_text, tokens

__all__ = ["MAYBE", "protected_by"]

MAYBE = ("like", "place")  # reasons that are asked about and not written down
OF_PEOPLE = {
    "sex", "gender", "age", "race", "ethnicity", "ethnic", "ethnicgroup", "marital", "religion", "disability",
    "disabled", "nationality", "citizenship", "pregnant", "orientation", "caste", "veteran",
}  # fmt: skip
BEGINNINGS = (
    "ethnic", "racial", "relig", "disab", "handicap", "citizen", "national", "nativ", "marital", "marri", "hispan",
    "immigra", "pregnan", "veteran", "minorit", "birth", "gender", "ancestr",
)  # fmt: skip
CENSUS = re.compile(
    r"AGEP|RAC\dP|HISP|DIS|DEAR|DEYE|DREM|DPHY|DDRS|DOUT|CIT|NATIVITY|MAR|ANC(\dP)?|POBP|MIL"
)  # as written
OF_PLACES = {
    "region", "zip", "zipcode", "postcode", "postal", "neighborhood", "neighbourhood", "language", "birthplace",
    "country", "nation",
}  # fmt: skip
VALUES_OF_PEOPLE = (
    {"male", "female", "man", "woman", "f", "m"},
    {"married", "single", "divorced", "widowed"},
    {"caucasian", "asian", "hispanic", "africanamerican", "black", "white"},
    {"christian", "muslim", "jewish", "hindu", "buddhist"},
)
IN_VALUES = re.compile(r"\b(servicemember|veteran|older american|disabled|pregnant)\b", re.IGNORECASE)


def protected_by(name: str, column: pd.Series) -> str | None:
    """Why it may be protected: `name`, `values`, and `like` or `place`, which are asked; None: nothing hints at it."""
    words = set(tokens(name))
    if words & OF_PEOPLE:
        return "name"
    if is_text(column):
        values = {str(value).strip() for value in distinct_values(column)[:200]}
        plain = {re.sub(r"[^a-z]", "", value.casefold()) for value in values}
        if any(len(plain & group) >= 2 and len(plain) <= 12 for group in VALUES_OF_PEOPLE):
            return "values"
        if len(values) <= 50 and any(IN_VALUES.search(value) for value in values):
            return "values"
    if any(word.startswith(BEGINNINGS) for word in words) or CENSUS.fullmatch(name.strip()):
        return "like"
    return "place" if words & OF_PLACES else None
