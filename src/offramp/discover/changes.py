"""What changed on Heroku since ``estate.json`` was written? Looks, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from . import diff, look
from .diff import Change
from .seen import Unreadable

if TYPE_CHECKING:
    from ..settings import Settings
    from ..tools import Tools


def since_kept(tools: Tools, want: Settings) -> tuple[Change, ...]:
    """Return what changed. Raises UsageError without an estate to compare with, and what a look raises."""
    if not want.estate_path.exists():
        raise UsageError("There is no estate.json to compare with.", hint="Run `offramp discover` to write one.")
    seen = look.look(tools, want)
    if isinstance(seen.kept, Unreadable) or seen.kept is None:
        because = seen.kept.because if seen.kept else "It is gone."
        raise UsageError(f"estate.json cannot be compared with: {because}", hint="Run `offramp discover`.")
    return diff.changes(seen.kept, seen.found)
