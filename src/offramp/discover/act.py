"""Keep what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ..kit import files
from . import file, history
from .seen import Deed, MakeSalt, WriteEstate

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    match deed:
        case MakeSalt(salt):
            # Whoever draws first wins; a second salt would make every fingerprint differ.
            files.create(tools.settings.salt_path, salt.reveal().encode("ascii"), mode=0o600)
        case WriteEstate(estate):
            # The history first: without it the next look would not know how fast a database grows.
            history.keep(tools.settings.directory, estate)
            files.replace(tools.settings.estate_path, file.dump(estate))
            tools.recent.acted()
        case _:
            assert_never(deed)
