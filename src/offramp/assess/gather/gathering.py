"""In which order is everything read, and what becomes of what could not be had?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evidence import Evidence
from ..request import Request

if TYPE_CHECKING:
    from ...tools import Tools


def gather(tools: Tools, request: Request) -> Evidence:
    raise NotImplementedError
