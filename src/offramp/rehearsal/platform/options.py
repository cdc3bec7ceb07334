"""How was this simulated Heroku asked to run?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROUTER_HOST = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Timing:
    """Heroku's deadlines in seconds; a rehearsal may shorten them."""

    first_byte: float = 30
    """H12 after this."""
    idle: float = 55
    """H15 or H28 after this without a byte."""
    connect: float = 5
    boot: float = 60
    """R10 and H20 after this."""
    exit: float = 30
    """R12 and SIGKILL after this."""
    rotation_grace: float = 20
    """How long an old database credential works on; Heroku gives up to half an hour."""
    scheduler_scale: float = 20
    """Scheduler intervals are divided by this, so that 10 minutes become 30 seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """``dns`` is the address that dynos and drains resolve names with; None leaves it to the machine."""

    directory: Path
    estate: Path
    http_port: int
    api_port: int = 0
    dns: tuple[str, int] | None = None
    rows: int | None = None
    seed: int = 1
    rate_limit: int = 4_500
    page_size: int = 200
    timing: Timing = Timing()
