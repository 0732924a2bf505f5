"""The review desk: panels of widgets over the archive, for people who need not write Python (ipywidgets' door).

    from sopkit.panels import Desk
    Desk()

The rules:
* a panel shows and collects, it decides nothing: what counts is decided by the archive, whatever a panel lets through;
* a button's handler is one line that calls a method, which tests call too;
* what a panel shows is a fragment of `views`, the same one that the static page shows;
* work is done by `sop` processes of their own, and followed through the log: the desk may be closed at any time;
* a passphrase field is cleared before anything else happens with what was in it.
"""

from sopkit.panels.desk import Desk

__all__ = ["Desk"]
