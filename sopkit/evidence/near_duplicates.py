"""Near copies: which texts on which models are judged stand, almost word for word, in the training rows?

The rules:
* two texts are near copies when they share most of their runs of three words (Jaccard similarity of the sets of
  shingles, `rules.Texts`; Broder 1997, On the resemblance and containment of documents). It is computed, not estimated:
  a sparse product of hashed shingles is fast enough;
* a row counts as copied when its texts together are a near copy of those of an *earlier* training row. Short texts
  recur without being copied, and are told apart by number only;
* a copy is no fault by itself: letters from a template go on coming, and a service has to answer them. But what a model
  remembers tells nothing about what it has not seen (Kapoor & Narayanan 2023; Allamanis 2019). So the result is shown
  with and without the copies, and a gain of which nothing is left without them keeps the champion (`new_texts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import plain
from sopkit.evidence import rules
from sopkit.evidence.findings import Finding, of_rows
from sopkit.evidence.measure import Measure
from sopkit.evidence.profiles import kinds

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["NearDuplicates", "near_duplicates", "repeated_texts"]

Array: TypeAlias = NDArray[Any]
EXAMPLES, EXCERPT = 5, 160
ROWS_AT_ONCE = 256
SPACES = 2**22  # of hashed runs: two texts of a thousand runs share one by chance in every fourth pair


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """`similarity` (n,) is that of each judged row to the nearest earlier training row; NaN where it was not looked at.

    `pairs` are examples, the most similar first; `short` and `beyond_sample` count the rows that were not looked at.
    """

    texts: tuple[str, ...]
    similarity: Array
    pairs: pd.DataFrame
    repeated: int
    short: int
    beyond_sample: int
    limit: float

    @property
    def copied(self) -> Array:
        """(n,) whether a judged row is a near copy."""
        return np.asarray(self.similarity >= self.limit)

    @property
    def looked_at(self) -> Array:
        return np.isfinite(self.similarity)

    @property
    def table(self) -> pd.DataFrame:
        return self.pairs

    @property
    def finding(self) -> str:
        if not self.texts:
            return "No feature is a text, so there are no near copies to look for"
        seen, found = int(self.looked_at.sum()), int(self.copied.sum())
        if not seen:
            return f"None of {len(self.similarity):,} judged rows has a text long enough to be a copy"
        share = f"{found / seen:.1%}".replace("%", " %")
        return f"{found:,} of {seen:,} judged texts ({share}) are near copies of earlier training texts"

    @property
    def measure(self) -> Measure:
        """The share of judged texts that are near copies; it informs, `new_texts` judges."""
        seen = int(self.looked_at.sum())
        value = float(self.copied[self.looked_at].mean()) if seen else None
        detail = {
            "copied": int(self.copied.sum()),
            "looked_at": seen,
            "exact": int((self.similarity == 1).sum()),
            "repeated_training_texts": self.repeated,
            "short": self.short,
            "beyond_sample": self.beyond_sample,
            "texts": list(self.texts),
        }
        return Measure(
            "near_copies", value, None, self.finding, detail, title="Judged texts that are copies", unit="share"
        )

    @property
    def measures(self) -> list[Measure]:
        return [self.measure] if self.texts else []

    def figure(self) -> Chart | Note:
        """How similar each judged text is to the nearest earlier training text."""
        from sopkit.evidence.charts import COLOURS, INK, figure, literal
        from sopkit.evidence.overview import nothing

        seen = self.similarity[self.looked_at]
        if not len(seen):
            return nothing(self.finding)
        basis = f"{self.repeated:,} training rows repeat the text of an earlier one"
        basis += f"; {self.short:,} judged texts are too short to tell" if self.short else ""
        basis += f"; {self.beyond_sample:,} judged rows are beyond the sample" if self.beyond_sample else ""
        chart, axes = figure(self.finding, subtitle=basis, height=2.6)
        edges = np.linspace(0, 1, 21)
        counts = np.histogram(np.minimum(seen, 1 - 1e-9), edges)[0]
        copies = edges[:-1] >= self.limit - 1e-9
        for part, colour, hatch in ((~copies, COLOURS[4], ""), (copies, COLOURS[5], "////")):
            axes.bar(
                edges[:-1][part], counts[part], width=0.05, align="edge",
                color=colour, hatch=hatch, edgecolor="white", linewidth=0.5,
            )  # fmt: skip
        axes.axvline(self.limit, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.annotate(
            literal(f"near copies from {self.limit:g}"), (self.limit, 0.97), xycoords=("data", "axes fraction"),
            xytext=(-4, 0), textcoords="offset points", ha="right", va="top", fontsize=8,
        )  # fmt: skip
        axes.set_yscale("symlog", linthresh=10)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of common three-word runs with the nearest earlier training text")
        axes.set_ylabel("judged rows")
        return chart

    def to_dict(self) -> dict[str, Any]:
        return {
            "finding": self.finding,
            "texts": list(self.texts),
            "limit": self.limit,
            "measure": self.measure.to_dict(),
            "examples": plain(self.pairs.to_dict("records")),
        }

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def _texts(table: pd.DataFrame, names: tuple[str, ...]) -> list[list[str]]:
    """The words of each row, all its texts one after the other; a missing text has none."""
    parts = [table[name].astype(object).where(table[name].notna(), "").astype(str) for name in names if name in table]
    joined = parts[0].str.cat(parts[1:], sep=" ") if len(parts) > 1 else parts[0] if parts else pd.Series(dtype=str)
    return [re.findall(r"\w+", text.lower()) for text in joined]


def near_duplicates(
    train: pd.DataFrame,
    judged: pd.DataFrame,
    features: Mapping[str, Any],
    *,
    time: str,
    limits: rules.Texts = rules.TEXTS,
    seed: int = 0,
) -> NearDuplicates:
    """For each judged row the nearest training row that came earlier, by the texts among `features`.

    `judged` may be training rows too (a rolling origin): no row is its own copy. Of more than `limits.most_rows` the
    newest training rows and a random sample of the judged ones are looked at.
    """
    names = tuple(name for name, kind in kinds(features).items() if kind == "text" and name in judged)
    similarity = np.full(len(judged), np.nan)
    if not names or not len(train):
        return NearDuplicates(names, similarity, _pairs([]), 0, 0, len(judged) if names else 0, limits.similar)
    words = _texts(judged, names)
    long = np.flatnonzero([len(text) >= limits.shortest for text in words])
    looked = np.sort(np.random.default_rng(seed).permutation(long)[: limits.most_rows])
    past = train.sort_values(time, kind="stable").tail(limits.most_rows)
    learned = _texts(past, names)
    whole = [" ".join(text) for text in learned if len(text) >= limits.shortest]
    order = [table[time].to_numpy(dtype="datetime64[ns]") for table in (judged, past)]
    best: Array = np.empty(0)
    where: Array = np.empty(0, dtype=np.intp)
    if len(looked):
        own, others = (_shingles(part, limits.shingle) for part in ([words[i] for i in looked], learned))
        best, where = _nearest(own, others, order[0][looked], order[1])
    similarity[looked] = best
    found = []
    for place in np.argsort(-best, kind="stable")[:EXAMPLES]:
        if best[place] < limits.similar:
            break
        row, other = int(looked[place]), int(where[place])
        shown = {"similarity": float(best[place]), "judged_at": order[0][row], "training_at": order[1][other]}
        found.append(shown | {"judged_text": _excerpt(words[row]), "training_text": _excerpt(learned[other])})
    return NearDuplicates(
        names, similarity, _pairs(found), len(whole) - len(set(whole)), len(words) - len(long),
        len(long) - len(looked), limits.similar,
    )  # fmt: skip


def repeated_texts(table: pd.DataFrame, model: ModelFile, limits: rules.Texts = rules.TEXTS) -> list[Finding]:
    """For each text feature the rows whose text, but for signs and capitals, stands in an earlier row of the table."""
    found = []
    for name, kind in kinds(model.features).items():
        if kind != "text" or name not in table:
            continue
        words = _texts(table, (name,))
        texts = pd.Series([" ".join(text) or None for text in words], dtype=object)
        again = (texts.duplicated() & texts.notna()).to_numpy()
        if again.any():
            told = f"{int(again.sum()):,} rows repeat the {name} of an earlier row word for word"
            short = int((again & np.array([len(text) < limits.shortest for text in words])).sum())
            told += (
                f"; {short:,} of them have fewer than {limits.shortest} words, and may do so by chance" if short else ""
            )
            remedy = "ask whether one case was entered twice; copies across the split are told apart at the evaluation"
            found.append(of_rows("repeated_text", told, name, again, table, model, remedy=remedy))
    return found


def _shingles(texts: list[list[str]], length: int) -> Any:
    """(n, SPACES) sparse: which runs of `length` words each text has, hashed."""
    from sklearn.feature_extraction.text import HashingVectorizer

    def runs(words: list[str]) -> list[str]:
        return [" ".join(words[i : i + length]) for i in range(max(len(words) - length + 1, min(len(words), 1)))]

    hashed = HashingVectorizer(
        analyzer=runs, n_features=SPACES, binary=True, norm=None, alternate_sign=False, dtype=np.float32
    )
    return hashed.transform(texts)


def _nearest(judged: Any, past: Any, judged_at: Array, past_at: Array) -> tuple[Array, Array]:
    """The largest Jaccard similarity of each judged text to an earlier one, and whose it is."""
    own, others = np.diff(judged.indptr), np.diff(past.indptr)
    turned = past.T.tocsr()
    best, where = np.zeros(len(own)), np.zeros(len(own), dtype=np.intp)
    for start in range(0, len(own), ROWS_AT_ONCE):
        common = judged[start : start + ROWS_AT_ONCE] @ turned
        row = np.repeat(np.arange(start, start + common.shape[0]), np.diff(common.indptr))
        share = common.data / (own[row] + others[common.indices] - common.data)
        share[past_at[common.indices] >= judged_at[row]] = 0.0
        some = np.flatnonzero(np.diff(common.indptr))
        if not len(some):
            continue
        largest = np.maximum.reduceat(share, common.indptr[some])
        best[start + some] = largest
        found = np.flatnonzero(share == np.repeat(largest, np.diff(common.indptr)[some]))
        where[row[found]] = common.indices[found]
    return best, where


def _excerpt(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def _pairs(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["similarity", "judged_at", "training_at", "judged_text", "training_text"])
