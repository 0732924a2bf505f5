from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sopkit.definitions.yaml_file import LARGEST_FILE, parse_yaml, read_yaml
from sopkit.errors import DefinitionError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("2026-01-01", "2026-01-01"),
        ("12:30:45", "12:30:45"),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("1_000", "1_000"),
        ("1.0.0", "1.0.0"),
        ("'3'", "3"),
        ('"true"', "true"),
        (".inf", float("inf")),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(written, meant):
    """`no` is text, `1e3` is a number, a date is text, and only `true` and `false` are booleans."""
    value = parse_yaml(f"a: {written}\n".encode(), "x.yaml").value["a"]
    assert (value, type(value)) == (meant, type(meant))


def test_keys_are_text_whatever_they_look_like():
    """Columns may be called `2013`, `no` or `1.5`."""
    assert list(parse_yaml(b"2013: a\nno: b\n1.5: c\n", "x.yaml").value) == ["2013", "no", "1.5"]


def test_every_value_knows_its_line():
    """Lines count from 1 and reach into lists and mappings; what is not there has the line of what is around it."""
    document = parse_yaml(b"# comment\na: 1\nb:\n  - x\n  - c: 2\n", "x.yaml")
    assert [document.line(path) for path in [("a",), ("b",), ("b", 0), ("b", 1, "c"), ("b", 1, "d", "e"), ("z",)]] == [
        2, 3, 4, 5, 5, 2,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "x.yaml:5: b.c: the key is written twice; first in line 3"),
        (b"", "x.yaml:1: the file is empty\n  expected: a mapping of keys to values"),
        (b"# only a comment\n", "x.yaml:1: the file is empty\n  expected: a mapping of keys to values"),
        (b"- a\n", "x.yaml:1: the file is not a mapping\n  expected: `key: value` lines\n  got:      a list"),
        (b"a:\n\tb: 1\n", "x.yaml:2: a tab in the indentation\n  expected: spaces\n  got:      `b: 1`"),
        (b"a: [1\nb: 2\n", "x.yaml:2: malformed YAML: expected ',' or ']', but got ':'\n  got:      `b: 2`"),
        (b"a: 1\n---\nb: 2\n", "x.yaml:2: a second document\n  expected: one document a file\n  got:      `---`"),
        (b"a: 1\nb: \x07\n", "x.yaml:2: a character that YAML does not allow\n  got:      U+0007"),
        (b"a: 1\nb: \xff\n", "x.yaml:2: the file is not UTF-8 text\n  got:      byte 0xff"),
        (b"? [1]\n: 2\n", "x.yaml:1: a key that is not text\n  expected: a word before the colon\n  got:      a list"),
        (
            b"a: 1\nb: !!python/object/apply:os.system [ls]\n",
            "x.yaml:2: a tag\n  expected: plain text, numbers, lists and mappings\n"
            "  got:      tag:yaml.org,2002:python/object/apply:os.system",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(data, said):
    """Each way in which a file can fail to be one mapping has an error of its own."""
    with pytest.raises(DefinitionError) as caught:
        parse_yaml(data, "x.yaml")
    assert str(caught.value) == said


def test_a_few_lines_cannot_become_many_values():
    """Anchors and aliases, with which ten lines unfold to a billion values, are refused."""
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    with pytest.raises(DefinitionError, match="an anchor or alias"):
        parse_yaml(bomb, "x.yaml")


@pytest.mark.parametrize("data", [b"[" * 5000, b"a: " + b"{b: " * 3000 + b"1" + b"}" * 3000, b"- " * 2000])
def test_deep_nesting_is_refused(data):
    """A file nested thousands deep is an error, not a crash."""
    with pytest.raises(DefinitionError, match="nested too deeply"):
        parse_yaml(data, "x.yaml")


def test_a_file_that_is_no_definition_is_not_read():
    """More than a megabyte is refused before it is scanned."""
    with pytest.raises(DefinitionError, match="too large"):
        parse_yaml(b"a: " + b"x" * LARGEST_FILE, "x.yaml")


@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!|>'\"#%@`?,\t\n 01.", max_size=60).map(str.encode)))
def test_any_bytes_give_a_document_or_problems(data):
    """Whatever the bytes, the reader answers; it raises nothing."""
    document, problems = read_yaml(data, "x.yaml")
    assert (document is None) == bool(problems)


@given(st.text("ab:-[]{}|>'\"#,\n 01.", max_size=60))
def test_both_scanners_read_the_same(text):
    """Where libyaml and the library's own scanner both read a document, it is the same, line by line."""
    fast, _ = read_yaml(text.encode(), "x.yaml")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(yaml, "__with_libyaml__", False)
        slow, _ = read_yaml(text.encode(), "x.yaml")
    if fast is not None and slow is not None:
        assert repr(fast) == repr(slow)
    assert slow is None or fast is not None
