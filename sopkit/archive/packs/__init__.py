"""Packs: one run in one file, for an auditor or for a reviewer on another machine; the verifier is inside.

    packs.write(workspace, run, path)      what is in it: `contents`; how it gets there: `making`
    with packs.opened(path) as pack:       unpacked for as long as that lasts: `packs.unpacking`
        packs.verify(pack)                 `reading`

The rules:
* a pack is made of log and store, never of the copies that people may have changed, and only of a run that verifies;
  what was written is opened and verified as a stranger would before it gets its name;
* it is a part of a workspace, so everything that reads a workspace reads it: `pack.workspace`;
* an existing file is never overwritten, and no pack is written into `runs/`, which holds records only;
* data and models may be left out, which the manifest says; what is left out then is a notice and no problem.
"""

from sopkit.archive.packs.making import Written, require_place, write
from sopkit.archive.packs.reading import Pack, opened, verify

__all__ = ["Pack", "Written", "opened", "require_place", "verify", "write"]
