"""What is on file, and which change can follow from it?"""

from __future__ import annotations

from dataclasses import dataclass

from ..assess.model import Assessment
from ..discover.model import Estate
from .measured import Measured
from .model import Blueprint


@dataclass(frozen=True, slots=True)
class Seen:
    """The files as they are now; None for one that is not there."""

    estate: Estate | None
    blueprint: Blueprint | None
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class WriteBlueprint:
    """Write the first draft, with comments that explain it by the estate. An existing file is never touched."""

    blueprint: Blueprint
    estate: Estate
    measured: tuple[Measured, ...] = ()

    @property
    def title(self) -> str:
        draft = self.blueprint
        return f"write blueprint.toml: {len(draft.services)} services, {len(draft.databases)} databases"


Deed = WriteBlueprint
