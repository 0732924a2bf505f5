"""A new data set, and those that were accepted, as rich tables for the terminal: the facts of `data_facts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sopkit.views import wording

__all__ = ["data_sets_table", "intake_view"]

_STYLES = {"fail": "red", "insufficient": "yellow", "pass": "green", "": ""}


def intake_view(intake: Mapping[str, Any]) -> RenderableType:
    """One data set (`data_facts.intake_facts`): verdict, rows, period, findings, what drifted."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    for name, told in _rows(intake):
        table.add_row(name, told)
    parts: list[RenderableType] = [table]
    for reason in intake["why"]:
        parts.append(Text(f"✗ {reason['sentence']}", style="red"))
        labels = {"expected": "expected", "got": "got", "remedy": "remedy"}
        parts += [Text(f"    {label + ':':<10}{reason[name]}") for name, label in labels.items() if name in reason]
    blocking = {reason["sentence"] for reason in intake["why"]}
    for item in intake["findings"]:
        if item["sentence"] not in blocking and item["severity"] != "note":  # these are counted above
            told = Text(f"{item['word']:<11}", style=_STYLES[item["style"]]).append(item["sentence"], style="default")
            parts.append(told)
    return Group(*parts)


def data_sets_table(sets: Sequence[Mapping[str, Any]], model: str) -> RenderableType:
    """The data sets that were accepted for a model, oldest first."""
    if not sets:
        return Text(f"No data set was accepted for model {model}: its runs read the source alone.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("data set", "digest", "rows", "period", "drift", "accepted", "by", "state"):
        table.add_column(name, justify="right" if name == "rows" else "left", no_wrap=name in ("digest", "rows"))
    for each in sets:
        drift, gone = each["drift"], each["withdrawn"]
        table.add_row(
            Text(each["name"]),
            each["digest"][:12],
            f"{each['rows']:,}",
            f"{wording.moment(each['first'])} to {wording.moment(each['last'])}",
            Text(_drift(drift)),
            wording.moment(each["at"]),
            Text(str(each["by"])),
            Text(f"withdrawn by {gone['by']}: {gone['reason']}" if gone else "read by new runs"),
        )
    return table


def _rows(intake: Mapping[str, Any]) -> list[tuple[str, Text]]:
    verdict = Text("✓ may be accepted", style="green") if intake["acceptable"] else Text("✗ blocked", style="red")
    if intake["accepted"]:
        verdict = Text(
            f"✓ accepted by {intake['accepted']['by']}, log entry {intake['accepted']['seq']}", style="green"
        )
    rows = [
        ("data set", Text(f"{intake['name']}, {intake['size']}, for model {intake['model']}")),
        ("verdict", verdict),
    ]
    labelled = "" if intake["labelled"] is None else f", {intake['labelled']:,} with a label"
    rows.append(("rows", Text(f"{intake['rows']:,}{labelled}")))
    if intake["first"]:
        told = f"{wording.moment(intake['first'])} to {wording.moment(intake['last'])}"
        rows.append(("period", Text(f"{told}, as of {wording.moment(intake['as_of'])}")))
    if intake["overlap"]:
        known = intake["overlap"]["rows_known_by_id" if intake["overlap"]["by"] else "rows_identical"]
        rows.append(("known", Text(f"{known:,} rows, among the {intake['overlap']['known']['words']}")))
    if intake["looked_at"]:
        counts = ", ".join(f"{each['count']} {each['word']}" for each in intake["counts"])
        rows.append(("findings", Text(counts or "✓ none")))
    rows.append(("drift", _told(intake)))
    if intake["digest"]:
        rows.append(("sha256", Text(intake["digest"])))
    return rows


def _told(intake: Mapping[str, Any]) -> Text:
    drift = intake["drift"]
    if not drift:
        return Text("not compared: no rows of this model are known yet" if intake["acceptable"] else "not compared")
    against = f", against the {intake['reference']['words']}"
    if not intake["drift_alert"]:
        return Text(f"{wording.verdict(drift['verdict'])}: {drift['reason']}{against}")
    moved = "; ".join(f"{each['name']} {each['reason']}" for each in intake["moved"])
    return Text(f"▲ alert: {drift['reason']}{against}\n{moved}", style="red")


def _drift(drift: Mapping[str, Any]) -> str:
    if not drift:
        return "not compared"
    return f"▲ alert: {drift['reason']}" if drift.get("alert") else wording.verdict(drift["verdict"])
