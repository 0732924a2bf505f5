"""What a part hands over: text, plain facts and figures; as Markdown, JSON and PNG beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sopkit.definitions.results import plain
from sopkit.evidence.house_style import Chart

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """`markdown` may show a figure by its name: `![words](<part>_<name>.png)`."""

    markdown: str
    facts: Mapping[str, Any]
    figures: Mapping[str, Chart] = field(default_factory=dict)

    def write(self, folder: Path, part: str) -> Iterator[Path]:
        """Write `<part>.md`, `<part>.json` and `<part>_<name>.png`; figures of the part that are no more go."""
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {f"{part}_{name}.png": chart for name, chart in self.figures.items()}
        for path in folder.glob(f"{part}_*.png"):
            if path.name not in wanted:
                path.unlink()
        for name, chart in wanted.items():
            yield chart.save(folder / name)
        facts = json.dumps(plain(dict(self.facts)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for path, text in ((folder / f"{part}.json", facts), (folder / f"{part}.md", self.markdown)):
            path.write_text(text, encoding="utf-8")
            yield path
