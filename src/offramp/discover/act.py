"""Keep what was found."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, assert_never

from ..kit import files
from . import file, fingerprint
from .seen import Deed, MakeSalt, WriteEstate

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    match deed:
        case MakeSalt():
            salt = secrets.token_hex(fingerprint.SALT_BYTES)
            # Whoever draws first wins; a second salt would make every fingerprint differ.
            files.create(tools.settings.salt_path, salt.encode("ascii"), mode=0o600)
        case WriteEstate(estate):
            files.replace(tools.settings.estate_path, file.dump(estate))
        case _:
            assert_never(deed)
