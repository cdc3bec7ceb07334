"""What does the engine need to know of a stage beside its three functions?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .stage import Stage


@dataclass(frozen=True)
class Chapter:
    """A stage bound to its ``want``, which is made anew before each look, since people edit the files it comes from.

    A thinking chapter writes files that people review; an acting one (``acts``) changes the world outside. The goals of a chapter
    that stand ``side_by_side`` do not depend on each other: while one waits, the others are worked on.
    """

    stage: Stage[Any, Any, Any, Any]
    want: Callable[[], Any]
    acts: bool
    side_by_side: bool = False

    @property
    def name(self) -> str:
        return self.stage.name
