"""What is a stage? Three functions that agree on what was wanted, what was seen, and what may be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .verdict import Deed, Finding

Tools = TypeVar("Tools")
Want = TypeVar("Want")
Seen = TypeVar("Seen")
DeedT = TypeVar("DeedT", bound=Deed)

Decisions = Mapping[str, str]
"""The latest answer to each decision's name: ``{"design/blueprint": "approve", "cutover/main": "go"}``."""


@dataclass(frozen=True)
class Stage(Generic[Tools, Want, Seen, DeedT]):
    """``look`` reads and never writes; ``judge`` is pure; ``act`` does one deed, safe to repeat."""

    name: str
    look: Callable[[Tools, Want], Seen]
    judge: Callable[[Want, Seen, Decisions], Sequence[Finding[DeedT]]]
    act: Callable[[DeedT, Tools], None]
