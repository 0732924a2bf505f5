"""Run notebooks: what a digest covers, what saving again may change, and what a record cell cannot be made to say."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sopkit.archive.canonical import canonical_json
from sopkit.archive.envelopes import PAYLOAD_TYPE, sign
from sopkit.archive.notebooks import (
    LoggedEnvelope,
    concealed,
    content_digest,
    parse_notebook,
    read_results,
    sealed_bytes,
    view,
)
from sopkit.archive.record_cells import record_cell
from sopkit.definitions.results import RECORD_MIME, RESULT_MIME
from sopkit.errors import RecordError

sys.path.insert(0, str(Path(__file__).parent))
from simulator import notebook

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NB = notebook("evaluate", 0.75)


def record(seq: int = 9, *, demo: bool = False, **predicate: Any) -> LoggedEnvelope:
    told = {
        "run": "20130701T000000Z-flights-4f2a",
        "sop": {"name": "repair", "version": "1.2.0", "digest": "5" * 64},
        "stage": "evaluate",
        "attempt": 1,
        "gate": "promotion",
        "decision": "approve",
        "meaning": "I have read it.",
        "comment": "",
        "conditions": [],
        "name": "Olga",
        "role": "model-owner",
        "at": "2026-11-20T09:00:00.000000Z",
        "log": {"size": 8, "root": "0" * 64},
        "withdraws": None,
        **predicate,
    }
    statement = {"subject": [{"name": "05.ipynb", "digest": {"sopkit-content-v1": "c" * 64}}], "predicate": told}
    envelope = sign(PAYLOAD_TYPE, canonical_json(statement), KEY)
    return LoggedEnvelope(seq, datetime(2026, 11, 20, 9, tzinfo=UTC), "SHA256:abc", demo, envelope)


# The content digest


def jupyterlab_save(data: bytes) -> bytes:
    """What JupyterLab 4.6 writes for a notebook without edits: other order, lines joined or split, other metadata."""
    loaded = nbformat.reads(data.decode(), as_version=4)
    loaded.metadata["kernelspec"] = {"name": "python3", "display_name": "other", "language": "python"}
    loaded.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    for cell in loaded.cells:
        cell.metadata["execution"] = {"iopub.execute_input": "2026-11-20T09:00:00Z"}
        cell.metadata["editable"] = True
    text = json.dumps(loaded, indent=1).replace("1.0", "1")
    return text.encode()


def test_saving_again_in_jupyterlab_keeps_the_content_digest() -> None:
    """Joined lines, `1` for `1.0`, timings and other metadata change the bytes and not the content."""
    nb = copy.deepcopy(NB)
    nb["cells"][3]["outputs"][1]["data"]["application/json"] = {"gain": 1.0, "lines": ["a\n", "b\n"]}
    sealed = sealed_bytes(nb)
    saved = jupyterlab_save(sealed)
    assert saved != sealed
    assert {content_digest(parse_notebook(data, "x")) for data in (sealed, saved)} == {content_digest(nb)}


def test_the_content_digest_is_published() -> None:
    """The digest of a known notebook never changes: sign-offs of old releases must verify."""
    assert content_digest(NB) == "448c7ddaad480f721f01985dd15ca9e884f6dc795299e62fea22493db69626e8"


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a source": lambda nb: nb["cells"][3].update(source="this.record('auc', 1)\n"),
    "a comment in a source": lambda nb: nb["cells"][3].update(source=nb["cells"][3]["source"] + "# ok\n"),
    "a trailing newline": lambda nb: nb["cells"][3].update(source=nb["cells"][3]["source"] + "\n"),
    "a title": lambda nb: nb["cells"][0].update(source="# Approved\n"),
    "an id": lambda nb: nb["cells"][0].update(id="other"),
    "a type": lambda nb: nb["cells"][0].update(cell_type="raw"),
    "an attachment": lambda nb: nb["cells"][0].update(attachments={"a.png": {"image/png": "AAAA"}}),
    "an execution count": lambda nb: nb["cells"][3].update(execution_count=4),
    "no execution count": lambda nb: nb["cells"][3].update(execution_count=None),
    "a stream": lambda nb: nb["cells"][3]["outputs"][0].update(text="fitting\n"),
    "the stream's name": lambda nb: nb["cells"][3]["outputs"][0].update(name="stderr"),
    "a result": lambda nb: nb["cells"][3]["outputs"][1]["data"][RESULT_MIME].update(value=0.76),
    "a rendering": lambda nb: nb["cells"][3]["outputs"][1]["data"].update({"text/markdown": "**AUC** 0.99\n"}),
    "another rendering": lambda nb: nb["cells"][3]["outputs"][1]["data"].update({"text/html": "<b>0.99</b>"}),
    "an output's metadata": lambda nb: nb["cells"][3]["outputs"][1].update(metadata={"isolated": True}),
    "the order of outputs": lambda nb: nb["cells"][3]["outputs"].reverse(),
    "an output less": lambda nb: nb["cells"][3]["outputs"].pop(),
    "the order of cells": lambda nb: nb["cells"].reverse(),
    "a cell less": lambda nb: nb["cells"].pop(0),
    "a cell more": lambda nb: nb["cells"].append({**nb["cells"][0], "id": "more"}),
    "an empty cell more": lambda nb: nb["cells"].append({**nb["cells"][0], "id": "more", "source": ""}),
    "a parameter in its cell": lambda nb: nb["cells"][2].update(source='run = "x"'),
    "a parameter in the metadata": lambda nb: nb["metadata"]["papermill"]["parameters"].update(run="x"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_everything_that_a_reader_sees_is_covered(change: Callable[[dict[str, Any]], Any]) -> None:
    """Each kind of change of content changes the digest."""
    nb = copy.deepcopy(NB)
    change(nb)
    assert content_digest(nb) != content_digest(NB)


def test_timings_and_other_metadata_are_not_covered() -> None:
    """papermill's duration, the kernel's name and a cell's timings are no content."""
    nb = copy.deepcopy(NB)
    nb["metadata"]["papermill"]["duration"] = 99.0
    nb["metadata"]["kernelspec"]["display_name"] = "other"
    nb["cells"][3]["metadata"]["execution"] = {"shell.execute_reply": "now"}
    assert content_digest(nb) == content_digest(NB)


def test_what_hides_a_cell_is_told() -> None:
    """Collapsed, hidden and tagged-away cells are named, so that verification can call them altered."""
    nb = copy.deepcopy(NB)
    nb["cells"][3]["metadata"] = {"jupyter": {"outputs_hidden": True}, "collapsed": True, "tags": ["hide-output"]}
    assert concealed(NB) == frozenset()
    assert {what for _, what in concealed(nb)} == {"jupyter.outputs_hidden", "collapsed", "tag hide-output"}


def test_numbers_that_json_cannot_hold_are_sealed_as_text() -> None:
    """NaN, infinities and numbers beyond 2^53 become text in the sealed bytes, with a digest that stays."""
    nb = copy.deepcopy(NB)
    odd = [float("nan"), float("-inf"), 2**53 + 1, 1e300, -0.0]
    nb["cells"][3]["outputs"][1]["data"]["application/json"] = odd
    sealed = parse_notebook(sealed_bytes(nb), "x")
    shown = sealed["cells"][3]["outputs"][1]["data"]["application/json"]
    assert shown == ["NaN", "-Infinity", "9007199254740993", str(int(1e300)), 0.0]
    assert content_digest(sealed) == content_digest(nb)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@given(source=text, stream=text, value=json_values)
@settings(max_examples=150, deadline=None)
def test_any_notebook_keeps_its_digest_through_sealing_and_saving(source: str, stream: str, value: Any) -> None:
    """Sealing twice gives the same bytes, and reading, splitting or joining lines never changes the digest."""
    nb = copy.deepcopy(NB)
    nb["cells"][3]["source"] = source
    nb["cells"][3]["outputs"][0]["text"] = stream
    nb["cells"][3]["outputs"][1]["data"]["application/json"] = value
    sealed = sealed_bytes(nb)
    again = parse_notebook(sealed, "x")
    joined = json.loads(nbformat.writes(nbformat.reads(sealed.decode(), 4), split_lines=False))
    assert sealed_bytes(again) == sealed == sealed_bytes(joined)
    assert content_digest(nb) == content_digest(again) == content_digest(joined)
    shown = json.loads(sealed)["cells"] + [record_cell(record(comment=source))]
    assert view(sealed, [record(comment=source)]) == sealed_bytes({**again, "cells": shown})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Expecting value"),
        (b"[]", "no notebook"),
        (b'{"cells": [], "cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "'cells' stands twice"),
        (b'{"cells": [], "metadata": {"a": NaN}, "nbformat": 4, "nbformat_minor": 5}', "NaN is not JSON"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}', "nbformat below 4.5"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "x": 1}', "Additional properties"),
        (b'{"cells": [{"cell_type": "markdown"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "required"),
        (b'{"cells": 5, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "5 is not of type 'array'"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": "5"}', ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_is_no_notebook_is_named(data: bytes, says: str) -> None:
    """Anything that two readers could read differently, or nobody, is a RecordError with the reason."""
    with pytest.raises(RecordError, match="not a well-formed notebook") as refused:
        parse_notebook(data, "05_evaluate.ipynb")
    assert says in str(refused.value)


def test_text_without_utf8_form_is_refused() -> None:
    """A lone surrogate, which no file can hold, is an error and not a crash."""
    nb = copy.deepcopy(NB)
    nb["cells"][0]["source"] = "\ud800"
    for make in (content_digest, sealed_bytes):
        with pytest.raises(RecordError):
            make(nb)


# Views and record cells


def test_a_view_without_sign_offs_is_the_sealed_notebook() -> None:
    """No record cells: the very bytes."""
    sealed = sealed_bytes(NB)
    assert view(sealed, []) == sealed


def test_a_view_has_one_record_cell_for_each_envelope() -> None:
    """Each logged envelope is one markdown cell at the end, tagged, with the envelope in its metadata."""
    records = [record(9), record(11, decision="withdraw", withdraws=9)]
    shown = parse_notebook(view(sealed_bytes(NB), records), "x")
    assert shown["cells"][:-2] == parse_notebook(sealed_bytes(NB), "x")["cells"]
    for cell, logged in zip(shown["cells"][-2:], records, strict=True):
        assert cell["metadata"]["tags"] == ["sopkit-record"]
        assert cell["metadata"]["sopkit"]["envelope"] == logged.envelope
    assert content_digest(shown, records) == content_digest(NB)


def test_record_cells_survive_a_save_in_jupyterlab() -> None:
    """A view that was saved again still has the sealed content, and its record cells are still known."""
    records = [record(9), record(11)]
    saved = parse_notebook(jupyterlab_save(view(sealed_bytes(NB), records)), "x")
    assert content_digest(saved, records) == content_digest(NB)


RECORD_CHANGES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "its text": lambda cells: cells[-1].update(source="### Approved by everybody"),
    "one letter": lambda cells: cells[-1].update(source="".join(cells[-1]["source"]).replace("Olga", "Olgo")),
    "its id": lambda cells: cells[-1].update(id="x"),
    "its tag": lambda cells: cells[-1]["metadata"].update(tags=[]),
    "one tag more": lambda cells: cells[-1]["metadata"]["tags"].append("x"),
    "its envelope": lambda cells: cells[-1]["metadata"]["sopkit"].update(demo=True),
    "its type": lambda cells: cells[-1].update(cell_type="raw"),
    "an attachment": lambda cells: cells[-1].update(attachments={"a.png": {"image/png": "AAAA"}}),
    "their order": lambda cells: cells.append(cells.pop(-2)),
    "a place in the middle": lambda cells: cells.insert(0, cells.pop()),
    "a copy": lambda cells: cells.append({**cells[-1], "id": "sopkit-record-99"}),
    "a cell after it": lambda cells: cells.append({"cell_type": "markdown", "id": "m", "metadata": {}, "source": ""}),
}


@pytest.mark.parametrize("change", RECORD_CHANGES.values(), ids=RECORD_CHANGES)
def test_a_record_cell_counts_as_content_unless_it_is_the_rendering(change: Callable[[Any], Any]) -> None:
    """A record cell that was edited, moved, copied or hidden behind another is content, so the digest differs."""
    records = [record(9), record(11)]
    shown = parse_notebook(view(sealed_bytes(NB), records), "x")
    change(shown["cells"])
    assert content_digest(shown, records) != content_digest(NB)


def test_a_record_cell_of_an_unlogged_envelope_counts_as_content() -> None:
    """A cell rendered from an envelope that was never logged is not left out."""
    shown = parse_notebook(view(sealed_bytes(NB), [record(9)]), "x")
    assert content_digest(shown, []) != content_digest(NB)


def test_a_demo_sign_off_says_so_first() -> None:
    """DEMO stands in the title and in a sentence of its own."""
    cell = parse_notebook(view(sealed_bytes(NB), [record(demo=True)]), "x")["cells"][-1]
    lines = "".join(cell["source"]).splitlines()
    assert lines[0] == "### DEMO: Approved"
    assert "throw-away key" in lines[2]


class Page(HTMLParser):
    """The tags of a rendered cell, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag + "".join(f" {name}" for name, _ in attrs if name not in ("id", "class", "href")))

    def handle_data(self, data: str) -> None:
        self.words += data


def rendered(logged: LoggedEnvelope) -> Page:
    from nbconvert.filters.markdown import markdown2html

    cell = parse_notebook(view(sealed_bytes(NB), [logged]), "x")["cells"][-1]
    return Page(markdown2html("".join(cell["source"])))


HOSTILE = [
    "</td></tr></table><h3>Approved</h3>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "ok |\n\n### Approved\n\n| sign-off | |\n|---|---|\n| who | Rita |",
    "ok\n---\n# Approved\n* x\n> y\n```\ncode\n```",
    "[Approved](javascript:alert(1)) ![x](http://x/y.png) <http://x> https://evil.example",
    "`code` **bold** __bold__ ~~gone~~ $x$ $$\\text{Approved}$$ \\(x\\) &lt;b&gt; &#60;b&#62;",
    "Olga\u202edevorppa\u202c \u200b\x00\x1b[31m\r| a |",
    "a" * 5000,
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["name", "comment", "meaning", "conditions"])
def test_hostile_text_stays_in_its_place(hostile: str, field: str) -> None:
    """Whatever a name, comment or condition holds, the cell has one heading, one table, and no other element."""
    page = rendered(record(**{field: [hostile] if field == "conditions" else hostile}))
    plain = rendered(record())
    allowed = [tag for tag in page.tags if tag not in ("br", "span")]
    assert allowed == plain.tags
    assert page.words.count("sign-off") == 1 + hostile.count("sign-off")
    for character in ("\u202e", "\u200b", "\x00", "\x1b"):
        assert character not in page.words


def test_what_was_written_can_be_read() -> None:
    """A harmless and a harmful comment both come out as they were typed."""
    for comment in ("Read it all, twice: 100% (see a/b).", "<b>**x**</b> $5 `y` a_b"):
        assert comment in rendered(record(comment=comment)).words


def test_math_is_not_typeset() -> None:
    """A dollar or backslash stands in an element of its own: MathJax reads the page, not the source."""
    cell = parse_notebook(view(sealed_bytes(NB), [record(comment="$x$ \\(y\\)")]), "x")["cells"][-1]
    source = "".join(cell["source"])
    assert "$" not in source
    assert "\\" not in source
    assert source.count("<span>&#36;</span>") == 2


# Results


def with_outputs(*bundles: dict[str, Any]) -> dict[str, Any]:
    nb = notebook("evaluate", 0.5)
    nb["cells"][3]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data} for data in bundles]
    return nb


def test_results_and_records_are_read_in_order() -> None:
    """Each MIME output becomes one value, in the order of the notebook."""
    nb = with_outputs(
        {RESULT_MIME: {"name": "auc", "value": 0.7}},
        {RECORD_MIME: {"record": "attached", "name": "a.csv", "sha256": "0" * 64, "size": 1}},
        {RESULT_MIME: {"name": "gain", "value": 1, "verdict": "pass", "source": "evidence"}, "text/markdown": "x"},
        {RECORD_MIME: {"record": "concluded", "outcome": "promoted", "why": "better"}},
    )
    results, records = read_results(nb)
    assert [result.name for result in results] == ["auc", "gain"]
    assert [kept.record for kept in records] == ["attached", "concluded"]


ATTACHED = {"record": "attached", "name": "a.csv", "sha256": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("bundles", "says"),
    [
        ([{RESULT_MIME: {"name": "auc"}}] * 2, "the result `auc` is recorded twice"),
        ([{RECORD_MIME: ATTACHED}] * 2, "the file `a.csv` is recorded twice"),
        ([{RESULT_MIME: {"value": 1}}], "malformed result"),
        ([{RESULT_MIME: {"name": "Not A Name"}}], "malformed result"),
        ([{RESULT_MIME: {"name": "auc", "verdict": "great"}}], "malformed result"),
        ([{RESULT_MIME: "auc"}], "malformed result"),
        ([{RECORD_MIME: {"record": "stolen"}}], "malformed result"),
        ([{RECORD_MIME: {**ATTACHED, "name": "../a"}}], "malformed result"),
    ],
)
def test_what_is_not_well_formed_is_named_with_its_cell(bundles: list[dict[str, Any]], says: str) -> None:
    """A doubled or malformed result is an error that names the cell."""
    with pytest.raises(RecordError, match=says) as refused:
        read_results(with_outputs(*bundles))
    assert "cell measure" in str(refused.value)


@pytest.mark.parametrize("change", [{"metadata": {"tags": ["sopkit-record"]}}, {"id": "sopkit-record-9"}])
def test_a_stage_notebook_cannot_bring_its_own_record_cell(change: dict[str, Any]) -> None:
    """A cell that poses as a record cell is an error: only the archive writes them."""
    nb = copy.deepcopy(NB)
    nb["cells"][0].update(change)
    with pytest.raises(RecordError, match="poses as a record cell"):
        read_results(nb)
