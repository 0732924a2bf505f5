"""An approval on a condition whose day is over: the runner waits, by the wall clock, until somebody settles it."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive.aliases import alias_holder
from sopkit.archive.keys import public_line
from sopkit.archive.rollback import readiness
from sopkit.archive.settling import settle
from sopkit.archive.sign_offs import sign
from sopkit.archive.verification import verify
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)


def now():
    return datetime.now(UTC)


def test_an_overdue_condition_keeps_the_runner_waiting_and_never_what_is_under_way(workspace):
    """Nothing moves before it is settled. What was begun behind the gate goes on, whatever falls due meanwhile."""
    key = Ed25519PrivateKey.generate()
    (workspace.templates / "people.yaml").write_text(
        "version: 1\npeople:\n  - id: ada\n    name: Ada Example\n"
        f"    keys: [{{public: {public_line(key.public_key(), 'ada')}}}]\n"
        "    roles: [{role: validator}, {role: people-admin}]\n"
    )
    runner = Runner(workspace, by="eng")
    run = runner.start("sample", model="tiny", as_of=AS_OF).id
    assert "none" == readiness(workspace, workspace.log.entries(), run)["word"]
    long_ago = now() - timedelta(days=40)  # whose clock says so signs what was due ten days ago
    place = {"private_key": key, "at": long_ago}
    entry = sign(workspace, run, "judge", decision="approve", conditions=["watch it"], **place)
    waiting = runner.resume(run)
    assert "waiting" == waiting.state
    assert f"condition {entry.seq}.1 of run {run} was due" in waiting.why
    assert alias_holder(workspace.log.entries(), "tiny") is None

    settle(workspace, f"{entry.seq}.1", private_key=key, at=now(), comment="watched")
    moved = runner.resume(run)
    assert ("moved", "waiting") == (moved.outcome, moved.state)  # for its soak
    sign(workspace, run, "judge", decision="withdraw", comment="sign anew", private_key=key, at=now())
    sign(workspace, run, "judge", decision="approve", conditions=["watch it again"], **place)
    done = runner.resume(run, as_of=AS_OF + timedelta(days=7))
    assert "done" == done.state
    again = runner.start("sample", model="tiny", as_of=AS_OF + timedelta(days=30))
    sign(workspace, again.id, "judge", decision="approve", private_key=key, at=now())
    assert "watch it again" in runner.resume(again.id).why
    assert verify(workspace).ok
