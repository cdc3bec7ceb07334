"""Is long work seen to be alive, without drowning anybody in lines?"""

from __future__ import annotations

import io

from rich.console import Console

from offramp.cli.live import Board
from offramp.cli.progress import Lines
from offramp.engine.events import (
    Asked,
    DeedBegan,
    DeedEnded,
    DeedFailed,
    Progress,
    StageEntered,
    StageMet,
    VerdictReached,
    Waiting,
)


class Hands:
    """A clock that stands where the test puts it."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


def test_what_goes_on_is_told_every_ten_seconds_and_what_changes_at_once() -> None:
    said: list[str] = []
    hands = Hands()
    lines = Lines(said.append, hands)
    for second in range(25):
        hands.at = 100.0 + second
        lines(Waiting(0, "replicate/db", f"{second} rows", 1))
    lines(DeedBegan(0, "replicate/db", "start the link"))
    lines(DeedFailed(0, "replicate/db", "start the link", "outside", "no answer", 2))
    lines(StageMet(0, "replicate", 25))

    assert said == [
        "replicate/db: waiting: 0 rows",
        "replicate/db: waiting: 10 rows",
        "replicate/db: waiting: 20 rows",
        "replicate/db: start the link",
        "replicate/db: start the link failed (again in 2 s): no answer",
        "replicate: met after 25.0 s",
    ]


def test_a_new_verdict_makes_its_reason_to_wait_news_again() -> None:
    said: list[str] = []
    lines = Lines(said.append, Hands())
    lines(Waiting(0, "a/b", "one", 1))
    lines(VerdictReached(0, "a/b", "wait", "two"))
    lines(Waiting(0, "a/b", "two", 1))
    lines(Progress(0, "a/c", "make it: 10 s", 0.5))

    assert said == ["a/b: waiting: one", "a/b: waiting: two", "a/c: make it: 10 s (50%)"]


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(board.draw())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_board_shows_stages_the_deed_in_progress_and_its_seconds() -> None:
    hands = Hands()
    board = Board(("provision", "deploy"), hands)
    board.hear(StageEntered(0, "provision"))
    board.hear(DeedBegan(0, "provision/network", "create the stack"))
    hands.at += 7

    text = drawn(board)
    assert "provision  working  7 s" in text
    assert "deploy     -" in text
    assert "provision/network: create the stack (7 s)" in text

    board.hear(DeedFailed(0, "provision/network", "create the stack", "outside", "no answer", 1))
    assert "create the stack failed: no answer" in drawn(board)
    board.hear(DeedEnded(0, "provision/network", "create the stack", 8))
    board.hear(StageMet(0, "provision", 8.25))
    assert "provision  met  8.2 s" in drawn(board).replace("   ", "  ").replace("   ", "  ")


def test_the_board_counts_a_wait_from_its_beginning_and_shows_questions() -> None:
    hands = Hands()
    board = Board(("shift",), hands)
    board.hear(StageEntered(0, "shift"))
    board.hear(Waiting(0, "shift/dns", "baking", 5))
    hands.at += 30
    board.hear(Waiting(0, "shift/dns", "still baking", 5))
    assert "shift/dns: waiting: still baking (30 s)" in drawn(board)

    board.hear(Asked(0, "shift/dns", "shift/start", ("approve",), "may it begin?"))
    assert "a person must decide: may it begin?" in drawn(board)
