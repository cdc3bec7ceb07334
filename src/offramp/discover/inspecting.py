"""What do the data API and the stores themselves tell of each database and cache? Several at a time; what may be missing is noted.

A database that cannot be read ends the look: without it there is no estate. A cache or the data API that does not answer does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import psycopg

from ..errors import CredentialsRejectedError, OfframpError, OutsideError, UnreachableError, UsageError
from ..heroku.model import Addon, Backup, BackupSchedule, CacheStatus, Credential, DatabaseStatus, ServiceSetting
from . import caching, census, compose, model
from .asking import Unread
from .census import Census
from .model import CacheReadings, DatabaseService, Setting
from .partial import Partial
from .survey import Survey

if TYPE_CHECKING:
    from ..tools import Tools

Found = TypeVar("Found")


class Inspection:
    """One inspection under way. Safe to share between threads."""

    def __init__(self, tools: Tools, found: Survey, partial: Partial) -> None:
        self._tools, self._found, self._partial = tools, found, partial
        self._unread, self._deaf = Unread(), threading.Event()

    @property
    def unread(self) -> tuple[str, ...]:
        return self._unread.sentences

    def database(self, addon: Addon) -> tuple[Census, DatabaseService | None]:
        """Raises UnreachableError, CredentialsRejectedError, OutsideError or UsageError when the database cannot be read."""
        taken = self._partial.one(f"census/{addon.name}", Census, lambda: self._census(addon))
        return taken, self._service(addon)

    def cache(self, addon: Addon) -> tuple[CacheStatus | None, CacheReadings | None]:
        status = self._heard(addon, lambda: self._tools.data.redis(addon.name), None)
        return status, self._partial_readings(addon)

    def _service(self, addon: Addon) -> DatabaseService | None:
        data = self._tools.data
        key = f"service/{addon.name}"
        status = self._heard(
            addon, lambda: self._partial.one(key, DatabaseStatus, lambda: data.database(addon.id)), None
        )
        if status is None:
            return None
        nobody: tuple[Credential, ...] = ()
        never: tuple[BackupSchedule, ...] = ()
        nothing: tuple[ServiceSetting, ...] = ()
        credentials = self._heard(addon, lambda: data.credentials(addon.id), nobody)
        schedules = self._heard(addon, lambda: data.backup_schedules(addon.id), never)
        # The official CLI refuses to ask for those of an Essential plan, which has none.
        essential = addon.plan.rpartition(":")[2].startswith(("essential", "mini", "basic", "hobby"))
        settings = nothing if essential else self._heard(addon, lambda: data.settings(addon.id), nothing)
        return _service(status, credentials, schedules, settings, self._last_backup(addon))

    def _last_backup(self, addon: Addon) -> str | None:
        """When the newest backup of a database ended; backups name their source by attachment."""
        names = {one.name for one in self._found.attachments if one.addon_id == addon.id} | {addon.name}
        none: tuple[Backup, ...] = ()
        backups = self._heard(addon, lambda: self._tools.data.backups(addon.app), none)
        ended = [one.finished_at for one in backups if one.succeeded and one.source in names and one.finished_at]
        return max(ended, default=None)

    def _heard(self, addon: Addon, ask: Callable[[], Found], default: Found) -> Found:
        """Ask the data API, which has no public schema: whatever it says wrong costs its own part only."""
        if self._deaf.is_set():
            return default
        try:
            return ask()
        except OfframpError as error:
            if isinstance(error, UnreachableError):
                # Each further question would be as patient as this one.
                self._deaf.set()
            self._unread.note(f"What Heroku's data API says of {addon.name} could not be read: {error.message}")
            return default

    def _census(self, addon: Addon) -> Census:
        name = compose.config_var_of(addon, self._found)
        url = self._found.config(addon.app).get(name) if name else None
        if url is None:
            raise UsageError(
                f"The database {addon.name} is attached to no config var of {addon.app}.",
                hint=f"Run `heroku addons:attach {addon.name} -a {addon.app}`, or name it under heroku.handled_addons.",
            )
        try:
            with self._tools.connect(url, "offramp discover") as connection:
                return census.take(connection)
        except CredentialsRejectedError as error:
            raise CredentialsRejectedError(
                f"The database {addon.name} of {addon.app} did not accept the credentials in {name}.",
                hint="Heroku may have rotated them a moment ago; run the same command again.",
            ) from error
        except (OutsideError, psycopg.OperationalError) as error:
            raise UnreachableError(
                f"The database {addon.name} of {addon.app} cannot be reached: {_said(error)}.",
                hint=f"Check `heroku pg:info {addon.name} -a {addon.app}`, and that this machine may connect to it.",
            ) from error
        except psycopg.Error as error:
            raise OutsideError(
                f"The database {addon.name} of {addon.app} could not be read: {_said(error)}.",
                hint="Run the same command again; if it stays so, the role in its URL lacks a right.",
            ) from error

    def _partial_readings(self, addon: Addon) -> CacheReadings | None:
        try:
            return self._partial.one(f"cache/{addon.name}", CacheReadings, lambda: self._look_into(addon))
        except OfframpError as error:
            self._unread.note(f"The store {addon.name} could not be looked into: {error.message}")
            return None

    def _look_into(self, addon: Addon) -> CacheReadings:
        name = compose.config_var_of(addon, self._found)
        url = self._found.config(addon.app).get(name) if name else None
        if url is None:
            raise UsageError(f"No config var of {addon.app} holds its URL.")
        return caching.read(url, self._tools.clock)


def _service(
    status: DatabaseStatus,
    credentials: tuple[Credential, ...],
    schedules: tuple[BackupSchedule, ...],
    settings: tuple[ServiceSetting, ...],
    last_backup_at: str | None,
) -> DatabaseService:
    return DatabaseService(
        status=status.status,
        plan_connections=status.connection_limit,
        plan_bytes=status.plan_bytes,
        pooling=status.pooling,
        followers=status.followers,
        following=status.following,
        forked_from=status.forked_from,
        credentials=tuple(model.Credential(one.name, one.state) for one in credentials),
        maintenance=status.maintenance,
        maintenance_window=status.maintenance_window,
        rollback=status.rollback,
        continuous_protection=status.continuous_protection,
        encryption=status.encryption,
        schedules=tuple(
            model.BackupSchedule(one.hour, one.timezone, one.retain_weeks, one.retain_months) for one in schedules
        ),
        last_backup_at=last_backup_at,
        settings=tuple(Setting(one.name, one.value, "heroku") for one in settings),
    )


def _said(error: OutsideError | psycopg.Error) -> str:
    if isinstance(error, OutsideError):
        return error.message.rstrip(".")
    return (error.diag.message_primary or type(error).__name__).rstrip(".")
