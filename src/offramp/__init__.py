"""Move an organisation's applications from Heroku to AWS while they run.

>>> import offramp
>>> move = offramp.open(".")                      # doctest: +SKIP
>>> move.run(until="design").stopped_at           # doctest: +SKIP
Goal(name='design/blueprint', verdict='ask', ...)

Importing this package reads no file and opens no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from .migration import Migration
    from .rehearsal.driver import RehearsalEvent
    from .rehearsal.options import RehearsalOptions
    from .rehearsed import Rehearsed

__all__ = ["open", "rehearse"]


def open(directory: str | PathLike[str] = ".") -> Migration:  # noqa: A001 - reads as offramp.open
    """Return the migration that is kept in ``directory``. Raises UsageError when it holds no sound ``offramp.toml``."""
    from pathlib import Path

    from .migration import Migration

    return Migration(Path(directory))


def rehearse(
    options: RehearsalOptions | None = None, on_event: Callable[[RehearsalEvent], None] | None = None
) -> Rehearsed:
    """Move a living example from a simulated Heroku to an emulated AWS on this machine.

    Returns the migration that did it, its files in a directory of their own, with the report as ``proof``. Raises UsageError for
    options that make no sense, OutsideError when the doubles do not start.
    """
    import tempfile
    from pathlib import Path

    from .rehearsal import driver
    from .rehearsal.options import RehearsalOptions
    from .rehearsed import Rehearsed

    directory = Path(tempfile.mkdtemp(prefix="offramp-rehearsed-"))
    report = driver.rehearse(options or RehearsalOptions(), on_event or (lambda _: None), work=directory)
    return Rehearsed(directory, report)
