"""A command line over stages of the tests' own: the world is a directory, and a deed makes one file in it.

Run as ``python engine_world.py WORLD [OPTIONS OF OFFRAMP]``; ``WORLD/gate`` makes the last stage wait until the file is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offramp.cli import main
from offramp.design.model import Blueprint
from offramp.engine.acting import Interrupt
from offramp.engine.chapter import Chapter
from offramp.engine.stage import Decisions, Stage
from offramp.engine.verdict import Do, Finding, Met, Wait
from offramp.kit.clock import Clock, SystemClock
from offramp.migration import Migration, Parts
from offramp.settings import Settings

Seen = frozenset[str]


@dataclass(frozen=True)
class MakeFile:
    name: str

    @property
    def title(self) -> str:
        return f"make {self.name}"


def look(world: Path, want: object) -> Seen:
    return frozenset(path.name for path in world.iterdir())


def act(deed: MakeFile, world: Path) -> None:
    """Make the file; a second one of the same name would be an error, so a deed done twice shows."""
    (world / deed.name).open("x").close()


def makes(*names: str) -> Callable[[object, Seen, Decisions], Sequence[Finding[MakeFile]]]:
    def judge(want: object, seen: Seen, decisions: Decisions) -> Sequence[Finding[MakeFile]]:
        missing = tuple(MakeFile(name) for name in names if name not in seen)
        goal = f"{names[0].split('-')[0]}/files"
        return [Finding(goal, Do(missing, f"{len(missing)} files are missing") if missing else Met())]

    return judge


def gate(want: object, seen: Seen, decisions: Decisions) -> Sequence[Finding[MakeFile]]:
    return [Finding("shift/gate", Wait("the gate is shut", 0.05) if "gate" in seen else Met())]


def chapters(settings: Settings) -> tuple[Chapter, ...]:
    def stage(name: str, judge: Callable[[object, Seen, Decisions], Sequence[Finding[MakeFile]]]) -> Chapter:
        return Chapter(Stage(name, look, judge, act), lambda: None, acts=True)

    return (
        stage("provision", makes("provision-a", "provision-b")),
        stage("deploy", makes("deploy-a")),
        stage("shift", gate),
    )


def open_in(world: Path) -> Callable[[Path], Migration]:
    @contextmanager
    def tools(settings: Settings, clock: Clock, interrupt: Interrupt) -> Iterator[Path]:
        yield world

    def no_blueprint(settings: Settings) -> Blueprint:
        raise NotImplementedError

    parts = Parts(Settings.load, tools, chapters, no_blueprint, SystemClock(), {})
    return lambda directory: Migration(directory, parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], open_in(Path(sys.argv[1]))))
