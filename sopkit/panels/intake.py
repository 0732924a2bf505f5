"""A new data set at the desk: choose a file or type where it lies, have it examined, accept it.

The rules:
* what was uploaded is written below `.sop/intake`, under a name of our own, and read by a `sop data` process: the name
  that came with it is a label, and nothing of it is executed;
* what is accepted are the very bytes whose examination is shown (their digest is handed on), by the person at the desk;
* any change of what is asked for takes the answer away; what a process said is told, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from sopkit.archive.data_sets import data_sets
from sopkit.errors import SopkitError
from sopkit.panels import fields, processes, watching
from sopkit.views.data.facts import intake_facts, size_words
from sopkit.views.fragments import fragment

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["IntakeForm"]

MOST = 200 * 10**6  # as `modelling.deliveries.LIMITS`, which need not be imported to show a form
OLD = 24 * 3600
ENDINGS = ".csv,.gz,.tsv,.parquet,.pq"


class IntakeForm:
    """The form, what was found, and the data sets that were accepted for the chosen model."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.report: dict[str, Any] | None = None
        self._process: processes.Process | None = None
        self._asked: dict[str, Any] = {}
        self._watch: asyncio.Task[None] | None = None
        self._folder = desk.workspace.sop / "intake"
        self.model = fields.choice("Model")
        self.upload = ipywidgets.FileUpload(
            accept=ENDINGS,
            multiple=False,
            description="Choose a file …",
            tooltip="CSV (also packed with gzip) or Parquet, 200 MB at most",
            layout=ipywidgets.Layout(width="auto", min_width="11em"),
        )
        self.chosen = fields.html()
        self.place = fields.labelled(
            ipywidgets.Text, "or where it lies", placeholder="data/new.csv in the workspace, or the URL of a database"
        )
        self.as_of = fields.labelled(ipywidgets.Text, "As of", placeholder="the clock of the model's newest run")
        self.check = fields.button("Check", self.examine, primary=True, tooltip="Examine it; nothing is kept")
        self.accept_it = fields.button("Accept", self.accept, tooltip="Keep it: new runs read it beside the source")
        self.doing = fields.html()
        self.found = fields.html()
        self.accepted = fields.html()
        self.which = fields.choice("Data set")
        self.reason = fields.labelled(ipywidgets.Text, "Why", placeholder="kept in the log")
        self.take_back = fields.button("Withdraw", self.withdraw, tooltip="New runs do not read it any more")
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
        self.withdrawing = ipywidgets.VBox([self.which, self.reason, self.take_back])
        words = fields.html(fragment("intake_words", megabytes=MOST // 10**6))
        label = ipywidgets.Layout(width="9.5em", justify_content="flex-end", margin="0 8px 0 2px")
        file = ipywidgets.HBox([ipywidgets.Label("File", layout=label), self.upload, self.chosen], layout=row)
        self.chosen.layout.width = "auto"
        heading = fields.html(fragment("heading", text="A new data set"))
        heading.layout.margin = "1.8em 0 0"
        self.widget = ipywidgets.VBox(
            [
                heading,
                words,
                *(self.model, file, self.place, self.as_of),
                ipywidgets.HBox([self.check, self.accept_it, self.doing], layout=row),
                self.found,
                fields.html(fragment("heading", text="Accepted data sets")),
                self.accepted,
                self.withdrawing,
            ]
        )
        self.doing.layout.width = "auto"
        for field in (self.upload, self.place, self.as_of, self.model):
            field.observe(lambda _: self.forget(), "value")
        self.model.observe(lambda _: self.show_accepted(), "value")

    # ------------------------------------------------------------ what people do

    def refresh(self) -> None:
        """Offer the model files, and show what the log says was accepted."""
        known = sorted(path.stem for path in (self.desk.workspace.templates / "models").glob("*.yaml"))
        if list(self.model.options) != known:
            run = self.desk.run
            self.model.options = known
            if known:
                self.model.value = run.model if run is not None and run.model in known else known[0]
        self.as_of.layout.display = None if self.desk.workspace.mode == "simulation" else "none"
        self.show_accepted()
        self._allow()

    def examine(self) -> None:
        """Have it examined. Nothing is kept."""
        if self.busy:
            return
        self.forget(keep=True)
        try:
            self._asked = self._source()
        except (ValueError, SopkitError) as error:
            self.desk.say(str(error), "fail")
            return
        self._start("checking", [])

    def accept(self) -> None:
        """Keep what was examined, in the name of whoever is at the desk."""
        if self.busy or self.report is None or self.report["verdict"] != "acceptable":
            return
        if self.desk.by is None:
            self.desk.say("Choose your key first: who accepts a data set is named in the log.", "fail")
            return
        self._start("accepting", ["--accept", f"--by={self.desk.by}", f"--digest={self.report['digest']}"])

    def withdraw(self) -> None:
        """Take an accepted data set back, with the reason."""
        if self.busy or not self.which.value:
            return
        if self.desk.by is None or not self.reason.value.strip():
            self.desk.say("Withdrawing needs a reason, and a person: choose your key.", "fail")
            return
        words = [f"--withdraw={self.which.value}", f"--reason={self.reason.value}", f"--by={self.desk.by}"]
        self._run("withdrawing", ["data", str(self.model.value), *words])

    def forget(self, *, keep: bool = False) -> None:
        """What is asked for is another thing now: what was found does not belong to it."""
        if self.busy:
            return
        self.report = None
        fields.show(self.found, "")
        if not keep:
            self.desk.say("")
        names = ", ".join(f"{each['name']} ({size_words(each['size'])})" for each in self.upload.value)
        fields.show(self.chosen, names)
        self._allow()

    def show_accepted(self) -> None:
        """The data sets of the chosen model, by the log."""
        model = self.model.value
        sets = data_sets(self.desk.workspace.log.entries(), model) if model else []
        fields.show(self.accepted, fragment("data_sets", sets=[each.to_dict() for each in reversed(sets)]))
        standing = [(f"{each.name} ({each.digest[:12]})", each.digest) for each in sets if each.withdrawn is None]
        if list(self.which.options) != standing:
            self.which.options = standing
            self.which.value = standing[-1][1] if standing else None
        self.withdrawing.layout.display = None if standing else "none"

    # ------------------------------------------------------------ the process

    @property
    def busy(self) -> bool:
        """Whether a process is at work for this form."""
        return self._process is not None

    def follow(self) -> None:
        """Show what became of the process, once it has ended."""
        process = self._process
        if process is None or process.running:
            return
        self._process = None
        fields.show(self.doing, "")
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._doing == "withdrawing":
            self._told_of_withdrawal(process)
        else:
            self._told_of_examination(process)
        self._allow()

    def wait(self, seconds: float = 60.0) -> None:
        """Until the process has ended: for scripts, where nothing follows by itself."""
        until = time.monotonic() + seconds
        while self.busy and time.monotonic() < until:
            self.follow()
            time.sleep(0.05)

    def _told_of_withdrawal(self, process: processes.Process) -> None:
        if process.exit_code:
            self.desk.say(process.said or "it was not withdrawn", "fail")
            return
        self.reason.value = ""
        self.desk.say("Withdrawn: runs that start from now on do not read it.", "pass")
        self.show_accepted()

    def _told_of_examination(self, process: processes.Process) -> None:
        try:
            report = json.loads(Path(self._asked["report"]).read_bytes())
        except (OSError, ValueError):
            self.desk.say(process.said or "the process ended without an answer", "fail")
            return
        self.report = report
        accepted = report["accepted"]
        fields.show(self.found, fragment("intake", intake=intake_facts(report, accepted)))
        if accepted:
            self.report = None
            self.show_accepted()
            self._tidy()
            self.desk.say(f"Accepted: new runs of {report['model']} read {report['name']} beside the source.", "pass")
        elif report["verdict"] != "acceptable":
            self.desk.say(f"{report['name']} is blocked: {report['why'][0]['sentence']}.", "fail")
        elif report["drift_alert"]:
            self.desk.say(f"Drift alert: {report['drift']['reason']}.", "insufficient")
        else:
            self.desk.say(f"Nothing blocks {report['name']}.", "pass")

    def _source(self) -> dict[str, Any]:
        """What is asked about: a file, written down, or a place. Raises ValueError in words."""
        from sopkit.modelling.deliveries import label
        from sopkit.running.intake import inside

        place, files = self.place.value.strip(), self.upload.value
        if bool(place) == bool(files):
            raise ValueError("Choose a file, or type where it lies: one of the two.")
        self._tidy()
        self._folder.mkdir(parents=True, exist_ok=True)
        token = secrets.token_hex(8)
        asked = {"report": self._folder / f"{token}.json"}
        if files:
            file: Mapping[str, Any] = files[0]
            if file["size"] > MOST:
                raise ValueError(f"The file has {file['size'] / 10**6:,.0f} MB; {MOST // 10**6} MB are the most.")
            path = self._folder / f"{token}.data"
            path.touch(mode=0o600)
            path.write_bytes(file["content"])
            return {**asked, "path": str(path), "name": label(str(file["name"]))}
        if "://" in place:
            return {**asked, "path": place, "name": None}
        return {**asked, "path": str(inside(self.desk.workspace, place)), "name": None}

    def _start(self, doing: str, more: list[str]) -> None:
        asked = self._asked
        clock = self.as_of.value.strip() if self.desk.workspace.mode == "simulation" else ""
        words = ["data", str(self.model.value), *more, f"--report={asked['report']}"]
        words += [f"--name={asked['name']}"] if asked["name"] else []
        words += [f"--as-of={clock}"] if clock else []
        asked["report"].unlink(missing_ok=True)
        self._run(doing, [*words, "--", asked["path"]])

    def _run(self, doing: str, words: list[str]) -> None:
        self.desk.say("")
        self._doing = doing
        self._process = processes.start(self.desk.workspace, words)
        fields.show(self.doing, fragment("note", text=f"▶ {doing} …", kind=""))
        self._allow()
        self._watch = watching.every(0.3, self.follow, self.desk.say)

    def _allow(self) -> None:
        ready = not self.busy
        self.check.disabled = not (ready and self.model.value)
        fits = self.report is not None and self.report["verdict"] == "acceptable"
        self.accept_it.disabled = not (ready and fits)
        self.accept_it.button_style = "success" if ready and fits else ""
        self.take_back.disabled = not ready

    def _tidy(self) -> None:
        """Uploads that were examined and are asked about no more."""
        for name in ("path", "report"):
            path = self._asked.get(name)
            if path and Path(path).parent == self._folder:
                Path(path).unlink(missing_ok=True)
        for left in self._folder.glob("*"):  # by a desk that was closed
            if time.time() - left.stat().st_mtime > OLD:
                left.unlink(missing_ok=True)
