from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from sopkit.archive.canonical import canonical_json
from sopkit.archive.checkpoint import Checkpoint, CheckpointState, new_log_key, sign
from sopkit.archive.entries import Entry, instant
from sopkit.archive.log import Log
from sopkit.archive.merkle import Tree, leaf_hash
from sopkit.archive.workspace import Workspace
from sopkit.errors import BrokenLog, Busy, SopkitError, WrongUse

RUN = "20130701T000000Z-flights-4f2a"


def opened(workspace: Workspace) -> Log:
    """The log as another process sees it."""
    return Workspace(workspace.root).log


def filled(workspace: Workspace, now: datetime, count: int) -> list[bytes]:
    """The raw lines after `count` more entries."""
    for number in range(count):
        workspace.log.append("note", at=now, run=RUN, body={"number": number, "text": "ä\n€"})
    return workspace.log.path.read_bytes().splitlines(keepends=True)


# What an entry is


def test_an_entry_reads_as_it_was_written(live, now):
    """Every field comes back, times in UTC, and the line is canonical JSON of all of them."""
    there = datetime(2013, 7, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))
    written = live.log.append(
        "stage.sealed", at=now, as_of=there, run=RUN, stage="collect", attempt=2, by="ana", body={"value": float("nan")}
    )
    (_, read) = opened(live).entries()
    assert read == written
    assert (read.seq, read.at, read.as_of) == (2, now, datetime(2013, 7, 1, tzinfo=UTC))
    assert (read.run, read.stage, read.attempt, read.by) == (RUN, "collect", 2, "ana")
    assert read.body == {"value": "NaN"}
    assert read.raw == read.to_line() == canonical_json(json.loads(read.raw))
    assert sorted(json.loads(read.raw)) == sorted(
        ["v", "seq", "at", "as_of", "kind", "run", "stage", "attempt", "by", "body"]
    )
    assert json.loads(read.raw)["at"] == instant(now) == "2026-11-20T08:54:01.000250Z"


def test_a_time_without_zone_is_refused(live):
    """Nothing is recorded at a time that could mean another one elsewhere."""
    for times in ({"at": datetime(2026, 1, 1)}, {"at": datetime.now(UTC), "as_of": datetime(2026, 1, 1)}):
        with pytest.raises(WrongUse, match="time zone"):
            live.log.append("note", **times)
    assert opened(live).size == 1


def test_fields_that_are_not_known_are_kept(live, now):
    """A line of a later release with more fields reads, and says again what it said."""
    data = json.loads(live.log.append("note", at=now).raw)
    line = canonical_json({**data, "colour": "green", "body": {"new": [1]}})
    entry = Entry.from_line(line)
    assert entry.unknown == {"colour": "green"}
    assert entry.to_line() == line


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"seq": True},
        {"seq": None},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00"},
        {"as_of": 5},
        {"kind": None},
        {"attempt": "1"},
        {"run": 5},
        {"body": []},
        {"body": None},
    ],
    ids=str,
)
def test_a_line_that_says_something_else_is_broken(live, now, change):
    """A field of another type, and a line of a later version, are errors that name the line."""
    data = json.loads(live.log.append("note", at=now).raw)
    with pytest.raises(BrokenLog) as raised:
        Entry.from_line(canonical_json({**data, **change}), "entries.jsonl:2")
    assert raised.value.where == "entries.jsonl:2"
    assert raised.value.remedy


# Reading


def test_a_workspace_without_log_has_no_entries(workspace):
    """Nothing is made by reading."""
    log = workspace.log
    assert (list(log.entries()), log.size, log.torn_tail) == ([], 0, b"")
    assert log.root == Tree().root().hex()
    assert log.checkpoint_status().state == CheckpointState.MISSING
    assert list(workspace.runs.iterdir()) == []
    with pytest.raises(WrongUse, match="empty"):
        log.key()


def test_the_root_is_that_of_the_raw_lines(live, now):
    """The tree's leaves are the lines as they stand, without their newlines; each earlier position has its root."""
    lines = filled(live, now, 9)
    leaves = [leaf_hash(line.removesuffix(b"\n")) for line in lines]
    log = opened(live)
    assert log.position() == {"size": 10, "root": Tree(leaves).root().hex()} == live.log.position()
    assert [log.root_at(size) for size in range(11)] == [Tree(leaves[:size]).root().hex() for size in range(11)]
    with pytest.raises(WrongUse, match="not reached"):
        log.root_at(11)


def test_a_reader_sees_what_others_append(live, now):
    """A log that was read before goes on where it stopped, and what it gave out stays as it was."""
    reader = opened(live)
    before = reader.entries()
    added = live.log.append("note", at=now)
    assert len(before) == 1
    assert reader.entries()[1:] == (added,)
    assert reader.position() == live.log.position()
    assert reader.entries() is reader.entries()


def test_two_writers_take_turns(live, now):
    """Each append goes on from what the other wrote, and the checkpoint covers all."""
    other = opened(live)
    seqs = [log.append("note", at=now).seq for log in (live.log, other, other, live.log, other)]
    assert seqs == [2, 3, 4, 5, 6]
    assert live.log.entries() == other.entries() == opened(live).entries()
    assert live.log.checkpoint_status().state == CheckpointState.CURRENT


def test_a_reader_notices_that_the_file_was_changed_under_it(live, now):
    """A line that was replaced, with as many bytes or more following, is not taken from memory."""
    lines = filled(live, now, 3)
    reader = opened(live)
    reader.entries()
    changed = lines[3].replace(b'"number":2', b'"number":7')
    live.log.path.write_bytes(b"".join([*lines[:3], changed]))
    assert reader.entries()[3].body["number"] == 7
    live.log.path.write_bytes(b"".join([*lines[:3], lines[3], lines[3].replace(b'"seq":4', b'"seq":5')]))
    assert [entry.body.get("number") for entry in reader.entries()] == [None, 0, 1, 2, 2]
    live.log.path.write_bytes(lines[0])
    assert reader.size == 1
    live.log.path.unlink()
    assert reader.size == 0


@pytest.mark.parametrize(
    ("spoil", "got"),
    [
        (lambda lines: [*lines[:2], b"{}\n", *lines[3:]], "seq"),
        (lambda lines: [*lines[:2], b"\n", *lines[3:]], "b''"),
        (lambda lines: [*lines[:2], lines[2][:-9] + b"\n", *lines[3:]], "char 176"),
        (lambda lines: [*lines[:2], b"\xff" + lines[2], *lines[3:]], "xff"),
        (lambda lines: [*lines[:2], *lines[3:]], "seq 4"),
        (lambda lines: [*lines[:2], lines[1], *lines[3:]], "seq 2"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "seq 4"),
        (lambda lines: [*lines[:2], b"[" * 100_000 + b"\n", *lines[3:]], "[["),
    ],
    ids=["empty object", "empty", "torn", "no UTF-8", "removed", "doubled", "swapped", "too deep"],
)
def test_a_line_that_is_broken_in_the_middle_breaks_the_log(live, now, spoil, got):
    """The error names the line, what was expected and what is there; nothing can be appended."""
    lines = filled(live, now, 5)
    live.log.path.write_bytes(b"".join(spoil(lines)))
    for log in (live.log, opened(live)):
        for use in (log.entries, lambda log=log: log.size, lambda log=log: log.append("note", at=now)):
            with pytest.raises(BrokenLog) as raised:
                use()
            assert raised.value.where == f"{live.log.path}:3"
            assert got in raised.value.got
            assert raised.value.expected
            assert raised.value.remedy
    live.log.path.write_bytes(b"".join(lines))
    assert live.log.size == 6


# The torn last line


def test_wherever_the_last_line_was_torn_the_lines_before_it_stand(live, now):
    """After a crash at any byte of the last line readers see the lines before it, and the next append cuts it off."""
    lines = filled(live, now, 3)
    note = live.log.checkpoint_path.read_bytes()
    last = len(live.log.append("note", at=now, body={"text": "torn"}).raw) + 1
    whole = live.log.path.read_bytes()
    for kept in range(last):
        live.log.path.write_bytes(whole[: len(whole) - last + kept])
        live.log.checkpoint_path.write_bytes(note)
        log = opened(live)
        assert [entry.raw + b"\n" for entry in log.entries()] == lines
        assert log.torn_tail == whole[len(whole) - last :][:kept]
        assert log.checkpoint_status().state == CheckpointState.CURRENT
        assert log.append("note", at=now).seq == 5
        assert log.torn_tail == b""
        assert opened(live).entries() == log.entries()
        assert log.checkpoint_status().state == CheckpointState.CURRENT


@pytest.mark.parametrize("tail", [b"\0" * 100, b'{"v":1,"se\0\0\0\n', b"\xff\xfe", b"\n", b" "])
def test_a_last_line_that_is_no_json_was_never_acknowledged(live, now, tail):
    """Whatever a crash leaves after the last line, newline or not, is passed over, reported and cut."""
    lines = filled(live, now, 2)
    with live.log.path.open("ab") as file:
        file.write(tail)
    for log in (live.log, opened(live)):
        assert (log.size, log.torn_tail) == (3, tail)
    live.log.append("note", at=now)
    assert live.log.path.read_bytes().startswith(b"".join(lines) + b'{"as_of"')
    assert live.log.torn_tail == b""


@pytest.fixture(scope="module")
def signed_log(tmp_path_factory):
    """The folder of a log of six entries, all signed, and its lines."""
    workspace = Workspace(tmp_path_factory.mktemp("signed"))
    now = datetime(2026, 11, 20, tzinfo=UTC)
    workspace.open_log("live", now)
    return workspace.log.folder, filled(workspace, now, 5)


@given(data=st.data())
def test_cut_anywhere_a_log_is_a_prefix_of_itself(signed_log, data):
    """However much of the end is lost, what can be read is a prefix; what was signed is missed by its checkpoint."""
    folder, lines = signed_log
    whole = b"".join(lines)
    left = data.draw(st.integers(len(lines[0]), len(whole)))
    (folder / "entries.jsonl").write_bytes(whole[:left])
    log = Log(folder)
    raw = [entry.raw + b"\n" for entry in log.entries()]
    assert raw == lines[: len(raw)]
    assert b"".join(raw) + log.torn_tail == whole[:left]
    expected = CheckpointState.CURRENT if left == len(whole) else CheckpointState.AHEAD
    assert log.checkpoint_status().state == expected


def test_a_signed_line_that_is_torn_is_a_loss_and_not_cut(live, now):
    """Where the checkpoint covers more than can be read, nothing is appended: the rest must come from a backup."""
    filled(live, now, 3)
    spoilt = live.log.path.read_bytes()[:-5]
    live.log.path.write_bytes(spoilt)
    for log in (live.log, opened(live)):
        with pytest.raises(BrokenLog, match="4 entries were signed, 3 are there"):
            log.append("note", at=now)
    assert live.log.path.read_bytes() == spoilt


# The checkpoint


def test_a_checkpoint_is_judged_by_what_it_covers(live, now):
    """Current, stale (put back, or entries added without the key), none, over other lines, over more, forged."""
    notes = [live.log.checkpoint_path.read_bytes()]
    for _ in range(4):
        live.log.append("note", at=now)
        notes.append(live.log.checkpoint_path.read_bytes())
    log = opened(live)
    judged = [log.checkpoint_status(note) for note in notes]
    assert [status.state.value for status in judged] == ["stale", "stale", "stale", "stale", "current"]
    assert all(status.is_prefix for status in judged)
    assert [status.checkpoint.size for status in judged] == [1, 2, 3, 4, 5]

    private = new_log_key(live.log_key)
    origin = log.key().name
    other = log.checkpoint_status(sign(Checkpoint(origin, 5, bytes(32)), private))
    ahead = log.checkpoint_status(sign(Checkpoint(origin, 6, bytes(32)), private))
    forged = log.checkpoint_status(notes[4].replace(b"\n5\n", b"\n4\n"))
    assert (other.state, ahead.state, forged.state) == ("different", "ahead", "forged")
    assert not any(status.is_prefix for status in (other, ahead, forged))
    assert forged.checkpoint is None
    live.log.checkpoint_path.unlink()
    assert log.checkpoint_status().state == CheckpointState.MISSING


@pytest.mark.parametrize("first", [True, False])
def test_a_crash_before_the_checkpoint_is_made_up_for(workspace, now, first):
    """After a crash between line and checkpoint the signature is there, and the next append puts it in place."""
    log = workspace.open_log("live", now)
    before = None if first else log.checkpoint_path.read_bytes()
    if not first:
        log.append("note", at=now)
    log.checkpoint_path.rename(log.next_path)
    if before:
        log.checkpoint_path.write_bytes(before)
    for each in (log, opened(workspace)):
        assert each.checkpoint_status().state == CheckpointState.BEHIND
        assert each.checkpoint_status().is_prefix
    opened(workspace).append("note", at=now)
    assert log.checkpoint_status().state == CheckpointState.CURRENT
    assert not log.next_path.exists()


def test_a_signature_for_a_line_that_was_never_written_is_worth_nothing(live, now):
    """After a crash before the line, the prepared checkpoint changes nothing and the next append replaces it."""
    old = live.log.checkpoint_path.read_bytes()
    live.log.append("note", at=now)
    live.log.checkpoint_path.rename(live.log.next_path)
    live.log.checkpoint_path.write_bytes(old)
    live.log.path.write_bytes(live.log.path.read_bytes().split(b"\n")[0] + b"\n")
    assert opened(live).checkpoint_status().state == CheckpointState.CURRENT
    live.log.append("another", at=now)
    assert opened(live).checkpoint_status().state == CheckpointState.CURRENT
    assert not live.log.next_path.exists()


def test_an_entry_that_was_written_without_the_log_key_is_never_built_upon(live, now):
    """A well-formed line that no signature covers is reported, and no append signs it."""
    filled(live, now, 1)
    data = json.loads(live.log.entries()[1].raw)
    with live.log.path.open("ab") as file:
        file.write(canonical_json({**data, "seq": 3}) + b"\n")
    for log in (live.log, opened(live)):
        assert log.size == 3
        assert log.checkpoint_status().state == CheckpointState.STALE
        with pytest.raises(BrokenLog, match="only the first 2 of 3 entries were signed"):
            log.append("note", at=now)


def test_nothing_is_added_to_a_log_that_was_changed(live, now):
    """A changed line, a forged or missing checkpoint and removed entries stop every append, and stay as they are."""
    lines = filled(live, now, 3)
    note = live.log.checkpoint_path.read_bytes()
    changed = b"".join(lines).replace(b'"number":1', b'"number":8')
    whole, part = b"".join(lines), b"".join(lines[:2])
    for entries, checkpoint in ((changed, note), (whole, note[:-3]), (part, note), (b"", note), (whole, None)):
        live.log.path.write_bytes(entries)
        live.log.checkpoint_path.unlink(missing_ok=True)
        if checkpoint is not None:
            live.log.checkpoint_path.write_bytes(checkpoint)
        for log in (live.log, opened(live)):
            with pytest.raises(BrokenLog, match="not what its checkpoint says") as raised:
                log.append("workspace.created", at=now, body=dict(log.entries()[0].body) if entries else first(lines))
            assert "sop verify" in raised.value.remedy
        assert live.log.path.read_bytes() == entries
        assert (live.log.checkpoint_path.read_bytes() if checkpoint else None) == checkpoint


def first(lines):
    return json.loads(lines[0])["body"]


# Who may append, and when not


def test_without_the_log_key_nothing_is_added_and_everything_can_be_read(live, now):
    """Where `.sop` was deleted, reading and judging the checkpoint work; an append names the key to restore."""
    key = live.log_key.read_bytes()
    live.log_key.unlink()
    log = opened(live)
    assert log.checkpoint_status().state == CheckpointState.CURRENT
    with pytest.raises(SopkitError, match="log key is missing") as raised:
        log.append("note", at=now)
    assert str(live.log_key) in raised.value.remedy
    new_log_key(live.log_key)
    with pytest.raises(SopkitError, match="not the one that the log's first entry names"):
        log.append("note", at=now)
    assert log.size == 1
    live.log_key.write_bytes(key)
    assert log.append("note", at=now).seq == 2


def test_a_log_without_private_folder_is_for_reading(live, now):
    """A log from an audit pack cannot be appended to."""
    log = Log(live.log.folder)
    assert log.size == 1
    with pytest.raises(WrongUse, match="opened for reading"):
        log.append("note", at=now)


def test_the_first_entry_must_name_the_key(workspace, now):
    """A log begins with `workspace.created`, or not at all."""
    new_log_key(workspace.log_key)
    with pytest.raises(WrongUse, match="open_log"):
        workspace.log.append("note", at=now)
    assert not workspace.log.path.exists()


def test_an_expectation_is_judged_under_the_lock_and_can_refuse(live, now):
    """It sees every entry before the new one, those of other writers too; refused, nothing is recorded."""
    opened(live).append("note", at=now)
    seen = []

    def not_while_held(entries):
        with pytest.raises(TimeoutError):
            FileLock(live.sop / "lock").acquire(timeout=0)
        seen.extend(entry.seq for entry in entries)
        raise Busy("no")

    with pytest.raises(Busy, match="no"):
        live.log.append("note", at=now, expect=not_while_held)
    assert seen == [1, 2]
    assert opened(live).size == 2
    assert live.log.append("note", at=now).seq == 3


def test_a_writer_that_does_not_finish_is_named(live, now):
    """Whoever waits in vain gets Busy, and nothing is recorded."""
    log = Log(live.log.folder, live.sop, patience=0)
    with FileLock(live.sop / "lock"), pytest.raises(Busy, match="another process"):
        log.append("note", at=now)
    assert log.append("note", at=now).seq == 2


def test_a_body_without_json_form_is_refused(live, now):
    """Nothing is recorded of what cannot be written down."""
    with pytest.raises(WrongUse, match="canonical JSON"):
        live.log.append("note", at=now, body={"thing": object()})
    assert opened(live).size == 1


def test_what_was_read_is_not_read_again(live, now):
    """In a log of 2,000 entries an append reads the end of the file only: the earlier entries are the same objects."""
    template = json.loads(live.log.append("note", at=now, body={"text": "x" * 500}).raw)
    with live.log.path.open("ab") as file:
        for seq in range(3, 2001):
            file.write(canonical_json({**template, "seq": seq}) + b"\n")
    log = opened(live)
    checkpoint = Checkpoint(log.key().name, 2000, bytes.fromhex(log.root))
    live.log.checkpoint_path.write_bytes(sign(checkpoint, new_log_key(live.log_key)))
    before = live.log.entries()
    live.log.append("note", at=now)
    after = live.log.entries()
    assert len(after) == len(before) + 1
    assert all(ours is theirs for ours, theirs in zip(after, before, strict=False))
    assert live.log.checkpoint_status().state == CheckpointState.CURRENT
