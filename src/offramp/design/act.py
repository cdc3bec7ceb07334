"""Write the draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import file
from .seen import Deed

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    """Write ``blueprint.toml`` unless there is one: what people edited is theirs."""
    file.create(tools.settings.blueprint_path, deed.blueprint, deed.estate, deed.measured)
