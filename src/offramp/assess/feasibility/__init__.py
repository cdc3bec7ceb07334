"""Feasibility: can everything move, what must be mended first, and what should stay? Rules over what was discovered; pure."""

from .model import (
    Answer,
    Commands,
    Feasibility,
    Finding,
    Mend,
    Patch,
    Severity,
    Source,
    Steps,
    Subject,
    Verdict,
)
from .readings import CostHint, Preflight, Readings, SourceFile, Target
from .verdicts import judge

__all__ = [
    "Answer",
    "Commands",
    "CostHint",
    "Feasibility",
    "Finding",
    "Mend",
    "Patch",
    "Preflight",
    "Readings",
    "Severity",
    "Source",
    "SourceFile",
    "Steps",
    "Subject",
    "Target",
    "Verdict",
    "judge",
]
