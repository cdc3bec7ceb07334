"""Is there an estate to assess, and an assessment of it? Reads two files: what takes long is the deed's business, not every look's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from . import file
from .request import Request
from .seen import Kept, Seen, Unreadable

if TYPE_CHECKING:
    from ..tools import Tools


def look(tools: Tools, want: Request) -> Seen:
    del tools  # Thinking needs no client.
    return Seen(_estate(want.settings.estate_path), _kept(want.settings.assessment_path))


def _estate(path: Path) -> str | None:
    try:
        return file.fingerprint(path.read_bytes())
    except FileNotFoundError:
        return None


def _kept(path: Path) -> Kept:
    try:
        return file.read(path)
    except FileNotFoundError:
        return None
    except UsageError as error:
        return Unreadable(error.message)
