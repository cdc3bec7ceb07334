"""What do ``estate.json``, ``assessment.json`` and ``blueprint.toml`` say? Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..assess import file as assessment_file
from ..assess.model import Assessment
from ..discover import file as estate_file
from ..errors import UsageError
from ..settings import Settings
from . import file
from .seen import Seen

if TYPE_CHECKING:
    from ..tools import Tools


def look(tools: Tools, want: Settings) -> Seen:
    """Read the files. Raises UsageError that names the line of what cannot be used."""
    del tools  # Thinking needs no client.
    return read(want)


def read(want: Settings) -> Seen:
    try:
        estate = estate_file.read(want.estate_path)
    except FileNotFoundError:
        estate = None
    try:
        blueprint = file.read(want.blueprint_path)
    except FileNotFoundError:
        blueprint = None
    return Seen(estate, blueprint, _assessment(want))


def _assessment(want: Settings) -> Assessment | None:
    """Return the assessment on file, if there is one of this form: it informs, and never stands in the way."""
    try:
        return assessment_file.read(want.assessment_path)
    except (FileNotFoundError, UsageError):
        return None
