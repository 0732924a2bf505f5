"""The drift panel: it shows the same fragment as a page, narrows it, and opens the full report only when asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sopkit.panels.drift import CLOSE, OPEN, DriftPanel
from sopkit.views.drift.facts import drift_facts
from sopkit.views.fragments import fragment

COLUMN = {
    "kind": "numeric", "jensen_shannon": 0.1, "wasserstein": 0.1, "p_value": 0.5, "p_adjusted": 0.5, "new_share": 0.0,
    "missing_reference": 0.0, "missing_current": 0.0, "new_values": [], "weight": 0.5, "auc": "NaN",
}  # fmt: skip


class Kept:
    """What stages left, as a panel reads it through the desk."""

    def __init__(self, report: str | None = "<p>report</p>", digest: str = "a") -> None:
        self.report, self._digest = report, digest
        self.state = SimpleNamespace(id="20240601T000000Z-small-0000", sop="retraining")
        self.drift = {
            "columns": [
                COLUMN | {"name": "calm", "psi": 0.01, "verdict": "pass", "reason": "stable (PSI 0.01)"},
                COLUMN | {"name": "wild", "psi": 1.2, "verdict": "fail", "reason": "moved far (PSI 1.2)"},
            ],
            "verdict": "fail", "reason": "wild moved", "share": 0.5, "limit": 0.3, "rows": [100, 100],
            "labels": ["training rows", "newest rows"],
        }  # fmt: skip

    def json(self, stage: str, name: str) -> Any:
        return self.drift if (stage, name) == ("trigger", "drift.json") else None

    def text(self, stage: str, name: str) -> str | None:
        return self.report

    def digest(self, stage: str, name: str) -> str | None:
        return self._digest if self.report else None

    def attempt(self, stage: str) -> None:
        return None


@pytest.fixture
def desk() -> SimpleNamespace:
    said: list[str] = []
    return SimpleNamespace(run=object(), contents=Kept(), said=said, say=lambda text, kind="": said.append(text))


@pytest.fixture
def panel(desk: SimpleNamespace) -> DriftPanel:
    made = DriftPanel(desk)
    made.refresh()
    return made


def test_the_panel_shows_the_fragment_of_the_page(panel, desk):
    """Desk and page show the same; the largest effect stands first."""
    assert str(fragment("drift", **drift_facts(desk.contents))) in panel.shown.value
    assert panel.shown.value.index("wild") < panel.shown.value.index("calm")


def test_columns_are_narrowed_by_words_and_by_verdict(panel):
    """Both fields narrow what is shown, and an empty one shows all again."""
    panel.words.value = "cal"
    assert "<strong>calm</strong>" in panel.shown.value
    assert "<strong>wild</strong>" not in panel.shown.value
    panel.words.value, panel.only_drifted.value = "", True
    assert "<strong>calm</strong>" not in panel.shown.value
    panel.only_drifted.value = False
    assert "<strong>calm</strong>" in panel.shown.value


def test_the_full_report_opens_in_a_frame_without_origin_and_closes(panel):
    """Nothing of the report is there before the button is pressed, nor after it is pressed again."""
    assert panel.frame.value == ""
    panel.report.click()
    assert 'sandbox="allow-scripts"' in panel.frame.value
    assert "allow-same-origin" not in panel.frame.value
    assert "&lt;p&gt;report&lt;/p&gt;" in panel.frame.value
    assert panel.report.description == CLOSE
    panel.report.click()
    assert (panel.frame.value, panel.report.description) == ("", OPEN)


def test_a_report_cannot_leave_its_frame(panel, desk):
    """Whatever the report holds stays inside the attribute of the frame."""
    desk.contents.report = '"></iframe><script>alert(1)</script>'
    panel.open_report()
    assert "<script" not in panel.frame.value
    assert panel.frame.value.count("</iframe>") == 1


def test_the_report_of_another_run_is_not_left_open(panel, desk):
    """Looking at another run closes the report of the one before; the same run leaves it open."""
    panel.open_report()
    panel.refresh()
    assert panel.frame.value
    desk.contents = Kept(digest="b")
    panel.refresh()
    assert panel.frame.value == ""


def test_without_a_report_there_is_no_button_and_asking_for_it_says_why(desk):
    """A run that has not come to stage evaluate has no report."""
    desk.contents = Kept(report=None)
    panel = DriftPanel(desk)
    panel.refresh()
    assert panel.report.layout.display == "none"
    panel.open_report()
    assert "stage evaluate attaches it" in desk.said[0]
    assert panel.frame.value == ""


def test_without_a_run_the_panel_says_how_to_start_one(desk):
    """No run: no fields, and the way to one."""
    desk.run = None
    panel = DriftPanel(desk)
    panel.refresh()
    assert "There is no run yet" in panel.shown.value
    assert panel.choice.layout.display == "none"


def test_fields_have_names_that_a_screen_reader_speaks(panel):
    """Each field has a description of its own."""
    assert {panel.words.description, panel.only_drifted.description} == {"Columns named", "Only those that drifted"}
