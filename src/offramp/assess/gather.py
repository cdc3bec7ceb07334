"""What can be read, and what of it each part makes?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .evidence import Evidence
from .request import Request

if TYPE_CHECKING:
    from ..tools import Tools


def gather(tools: Tools, request: Request) -> Evidence:
    raise NotImplementedError
