"""Which backups of databases exist? Real pg_dump files and the record that the data API shows of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..world import Addon


@dataclass(slots=True)
class Transfer:
    """One backup. ``finished`` with ``error`` None means that ``path`` holds it whole."""

    id: str
    number: int
    addon: Addon
    path: Path
    created: datetime
    finished: datetime | None = None
    error: str | None = None

    @property
    def bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


@dataclass
class Backups:
    """All transfers by the name of the app that is billed for the database, and the tickets to fetch them."""

    folder: Path
    by_app: dict[str, list[Transfer]] = field(default_factory=dict)
    tickets: dict[str, Transfer] = field(default_factory=dict)

    def begin(self, identity: str, addon: Addon, at: datetime) -> Transfer:
        known = self.by_app.setdefault(addon.app, [])
        number = len(known) + 1
        folder = self.folder / addon.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        transfer = Transfer(identity, number, addon, folder / f"b{number:03}.dump", at)
        known.append(transfer)
        return transfer

    def find(self, app: str, identity: str) -> Transfer | None:
        """Find by uuid or number."""
        return next((one for one in self.by_app.get(app, []) if identity in (one.id, str(one.number))), None)

    def ticket(self, transfer: Transfer) -> str:
        """Return a path segment that lets its holder fetch the file, as Heroku's signed URLs do."""
        ticket = secrets.token_urlsafe(24)
        self.tickets[ticket] = transfer
        return ticket
