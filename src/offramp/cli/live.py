"""What does a terminal show while stages run? Every stage with its verdict, the deed in progress, and the reason to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..engine.events import (
    Asked,
    DeedBegan,
    DeedEnded,
    DeedFailed,
    Event,
    Listener,
    Progress,
    Refused,
    StageEntered,
    StageMet,
    VerdictReached,
    Waiting,
)

STYLES = {"met": "green", "working": "cyan", "ask": "yellow", "refuse": "red"}


class Board:
    """What has been heard so far, drawn anew four times a second from another thread."""

    def __init__(self, stages: Sequence[str], monotonic: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._words = dict.fromkeys(stages, "")
        self._since: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._stage = ""
        self._now: tuple[str, float] | None = None
        self._trouble = ""

    def hear(self, event: Event) -> None:
        with self._lock:
            self._hear(event)

    def _hear(self, event: Event) -> None:
        match event:
            case StageEntered(_, stage):
                self._stage = stage
                self._words[stage] = "working"
                self._since[stage] = self._monotonic()
                self._now = None
            case StageMet(_, stage, seconds):
                self._words[stage] = "met"
                self._took[stage] = seconds
                self._now, self._trouble = None, ""
            case DeedBegan(_, goal, title):
                self._now = (f"{goal}: {title}", self._monotonic())
            case DeedEnded():
                self._now, self._trouble = None, ""
            case DeedFailed(_, goal, title, _, message, _):
                self._trouble = f"{goal}: {title} failed: {message}"
                self._now = None
            case Waiting(_, goal, because, _):
                since = self._now[1] if self._now and self._now[0].startswith(f"{goal}: waiting") else self._monotonic()
                self._now = (f"{goal}: waiting: {because}", since)
            case Asked(_, goal, _, _, because):
                self._words[self._stage] = "ask"
                self._now = (f"{goal}: a person must decide: {because}", self._monotonic())
            case Refused(_, goal, because, _):
                self._words[self._stage] = "refuse"
                self._now = (f"{goal}: refused: {because}", self._monotonic())
            case VerdictReached() | Progress():
                pass

    def draw(self) -> RenderableType:
        with self._lock:
            table = Table.grid(padding=(0, 2))
            for stage, word in self._words.items():
                table.add_row(Text(stage), Text(word or "-", style=STYLES.get(word, "dim")), Text(self._seconds(stage)))
            parts: list[RenderableType] = [table]
            if self._now:
                text, since = self._now
                parts.append(Text(f"{text} ({self._monotonic() - since:.0f} s)"))
            if self._trouble:
                parts.append(Text(self._trouble, style="yellow"))
            return Group(*parts)

    def _seconds(self, stage: str) -> str:
        if stage in self._took:
            return f"{self._took[stage]:.1f} s"
        return f"{self._monotonic() - self._since[stage]:.0f} s" if stage in self._since else ""


@contextmanager
def live(stages: Sequence[str]) -> Iterator[Listener]:
    """Show a board on stderr while the block runs, and leave its last state there."""
    board = Board(stages, time.monotonic)
    with Live(get_renderable=board.draw, console=Console(stderr=True), refresh_per_second=4):
        yield board.hear
