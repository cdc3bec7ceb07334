"""How is a part's result printed and kept? Each part owns one marked section of the results file."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

INTRODUCTION = """# Results

Every engine on the same two clusters in one go, interleaved: median [lowest - highest]. Clusters, engines and load generator share
the machine's cores, so ratios carry over to other machines and absolute figures do not. Each section says how it was made.

Of the assessment: [logs taken in, kept and asked](results-telemetry.md), [the split of requests into waiting and work](results-split.md),
[the scratch planner beside the source](results-planner.md), [discovery of a hundred apps](results-discover.md).
"""
# The order in which sections stand, whatever order they were measured in.
ORDER = ("quick", "copy", "capture", "bulk", "sustained", "lag", "drain", "verify", "memory", "lost", "steps", "hold")


@dataclass(frozen=True)
class Section:
    """One table with what a reader needs to trust it."""

    part: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())
    failures: Sequence[str] = field(default=())

    def markdown(self) -> str:
        lines = [
            f"## {self.title}",
            "",
            f"| {' | '.join(self.columns)} |",
            f"|{'---|' * len(self.columns)}",
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        if told := [*self.notes, *self.failures]:
            lines += ["", *(f"* {note}" for note in told)]
        return "\n".join(lines)

    def plain(self) -> str:
        """The table with its columns aligned."""
        table = [list(self.columns), *(list(row) for row in self.rows)]
        widths = [max(len(row[place]) for row in table) for place in range(len(self.columns))]
        body = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join(
            [self.title, "", body[0], "  ".join("-" * width for width in widths), *body[1:], "", *self.notes]
        )


def conditions(command: str, versions: str, at: datetime, load: float) -> str:
    """What a figure depends on; ``load`` is the machine's load average before the part began."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Made by `{command}`: {versions}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.machine()}, "
        f"load average before {load:.1f}, {at:%Y-%m-%d}."
    )


def keep(path: Path, section: Section, made_by: str) -> None:
    """Put the section in its place in the results file; all other sections stay as they are."""
    found = _sections(path.read_text() if path.exists() else "")
    found[section.part] = f"{section.markdown()}\n\n{made_by}"
    ranked = sorted(found, key=lambda part: ORDER.index(part) if part in ORDER else len(ORDER))
    blocks = [f"<!-- part: {part} -->\n{found[part]}\n<!-- end: {part} -->" for part in ranked]
    path.write_text("\n\n".join([INTRODUCTION.rstrip(), *blocks]) + "\n")


def _sections(text: str) -> dict[str, str]:
    return dict(re.findall(r"<!-- part: (\w+) -->\n(.*?)\n<!-- end: \1 -->", text, re.DOTALL))
