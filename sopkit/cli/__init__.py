"""The `sop` command: what people type, and how errors and exit codes reach them.

The rules:
* a command reads its arguments, calls the rooms below and shows a view; it decides nothing;
* importing this room imports no room below it: each command imports what it needs when it runs;
* exit codes: 0 done, 1 failed, 2 wrong use, 3 waiting (0 with `--wait-ok`), 4 stopped;
* an expected error is printed as it is, without a traceback; an unexpected one goes to `.sop/crash-….log`.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process, and exit."""
    from sopkit.cli.app import run_command

    run_command()
