"""Make the assessment and keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kit import files
from . import compose, file, page
from .seen import Deed

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    """Read, compose and write. The JSON is written last: whoever finds it finds its page too."""
    # The store's engine and the diagnosis take longer to import than most commands last.
    from .gather import gather

    found = gather(tools, deed.request)
    assessment = compose.compose(found)
    settings = deed.request.settings
    files.replace(settings.page_path, page.render(assessment))
    files.replace(settings.assessment_path, file.dump(assessment))
