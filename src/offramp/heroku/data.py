"""What can be asked of Heroku's data API? The state of databases and caches, and backups.

The paths are those that the official CLI calls (heroku/cli, pg and redis commands); the API has no public schema.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import quote

from ..errors import OutsideError
from ..kit.clock import Clock, SystemClock
from ..kit.secret import Secret
from . import parse, parse_more
from .model import Backup, BackupSchedule, CacheStatus, Credential, DatabaseStatus, ServiceSetting
from .wire import Wire

POLL_SECONDS = 1.0


class Data:
    """A client of the data API. Add-ons are named by id, apps by name. Raises what ``Platform`` raises."""

    def __init__(
        self,
        base_url: str,
        token: Secret,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock or SystemClock()
        self._wire = Wire(base_url, token, clock=self._clock, jitter=jitter)

    def close(self) -> None:
        self._wire.close()

    def database(self, addon: str) -> DatabaseStatus:
        return parse.database_status(self._wire.one(f"/client/v11/databases/{quote(addon, safe='')}"))

    def credentials(self, addon: str) -> tuple[Credential, ...]:
        """Return the names and states of a database's credentials; their passwords are dropped as they come."""
        found = self._wire.many(f"/postgres/v0/databases/{quote(addon, safe='')}/credentials")
        return tuple(map(parse_more.credential, found))

    def settings(self, addon: str) -> tuple[ServiceSetting, ...]:
        """Return what ``heroku pg:settings`` shows."""
        return parse_more.service_settings(self._wire.one(f"/postgres/v0/databases/{quote(addon, safe='')}/config"))

    def backup_schedules(self, addon: str) -> tuple[BackupSchedule, ...]:
        found = self._wire.many(f"/client/v11/databases/{quote(addon, safe='')}/transfer-schedules")
        return tuple(map(parse_more.backup_schedule, found))

    def redis(self, addon: str) -> CacheStatus:
        return parse.cache_status(self._wire.one(f"/redis/v0/databases/{quote(addon, safe='')}"))

    def backups(self, app: str) -> tuple[Backup, ...]:
        """Return the backups of an app's databases, as ``heroku pg:backups`` lists them."""
        return tuple(map(parse.backup, self._wire.many(f"/client/v11/apps/{quote(app, safe='')}/transfers")))

    def capture_backup(self, addon: str) -> Backup:
        """Begin a backup of a database. Not safe to repeat blindly: look at ``backups`` first."""
        return parse.backup(self._wire.change("POST", f"/client/v11/databases/{quote(addon, safe='')}/backups", {}))

    def backup(self, app: str, backup: str) -> Backup:
        return parse.backup(
            self._wire.one(f"/client/v11/apps/{quote(app, safe='')}/transfers/{quote(backup, safe='')}")
        )

    def wait_for_backup(self, app: str, backup: str, *, deadline_seconds: float) -> Backup:
        """Wait until a backup has ended well. Raises OutsideError when it failed or took longer."""
        limit = self._clock.monotonic() + deadline_seconds
        while (found := self.backup(app, backup)).succeeded is None:
            if self._clock.monotonic() > limit:
                raise OutsideError(
                    f"Backup {found.number} of {app} has not ended after {deadline_seconds:g} s.",
                    hint="`heroku pg:backups` shows its progress; run the same command again when it has ended.",
                )
            self._clock.sleep(POLL_SECONDS)
        if not found.succeeded:
            raise OutsideError(
                f"Backup {found.number} of {app} failed.", hint="`heroku pg:backups:info` says why; then try again."
            )
        return found
