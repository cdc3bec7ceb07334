"""What runs on Heroku now, and what does ``estate.json`` say? Reads only.

What a killed look had been told already stays beside the estate for a quarter of an hour (``partial``), so that the next one goes on there.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import CredentialsRejectedError, UsageError
from ..heroku.model import Addon
from ..kit.secret import Secret
from ..settings import Settings
from . import catalogue, compose, file, fingerprint, history, logs, survey
from .compose import Beside
from .inspecting import Inspection
from .model import Schedule
from .partial import Partial
from .seen import Kept, Seen, Unreadable
from .survey import Survey
from .together import DATABASE_THREADS, each

if TYPE_CHECKING:
    from ..tools import Tools

PARTIAL = ".discovery.part"


def look(tools: Tools, want: Settings) -> Seen:
    """Read Heroku, its databases and the file. Raises UsageError for settings that do not fit, OutsideError otherwise."""
    if isinstance(before := tools.recent.again(), Seen):
        # The estate was written a moment ago from this: only the files can be different now.
        return replace(before, kept=_kept(want), salt=None if _salt(want) else before.salt)
    partial = Partial(want.directory / PARTIAL, want.heroku.api, tools.clock)
    try:
        seen = _look(tools, want, partial)
    except (UsageError, CredentialsRejectedError):
        # A person changes something now, and would not be believed while old answers are.
        partial.done()
        raise
    partial.done()
    tools.recent.saw(seen)
    return seen


def _look(tools: Tools, want: Settings, partial: Partial) -> Seen:
    found = survey.take(tools.heroku.leaving(want.heroku.reserve), want.heroku, partial, tools.tell)
    owners = {facts.app.name for facts in found.apps}
    _check_schedules(want, owners)
    inspection = Inspection(tools, found, partial)
    databases = _owned(found, want, owners, catalogue.DATABASE_SERVICE)
    caches = _owned(found, want, owners, catalogue.CACHE_SERVICE)
    read = each(databases, inspection.database, threads=DATABASE_THREADS, tell=tools.tell, what="databases read")
    looked = each(caches, inspection.cache, threads=DATABASE_THREADS, tell=tools.tell, what="caches read")
    censuses = {addon.name: taken for addon, (taken, _) in zip(databases, read, strict=True)}
    runs, shared, unread = logs.read(want.directory, owners)
    salt, fresh = _salt(want), Secret(secrets.token_hex(fingerprint.SALT_BYTES))
    return Seen(
        found=compose.estate(
            found,
            {name: taken for name, taken in censuses.items() if not taken.follower},
            tuple(Schedule(job.app, job.command, job.every) for job in want.schedules),
            salt or fresh,
            want.heroku.handled_addons,
            Beside(
                services={addon.name: told for addon, (_, told) in zip(databases, read, strict=True) if told},
                cache_services={addon.name: told for addon, (told, _) in zip(caches, looked, strict=True) if told},
                caches={addon.name: inside for addon, (_, inside) in zip(caches, looked, strict=True) if inside},
                history=history.read(want.directory),
                runs=runs,
                shared=shared,
                unread=(*inspection.unread, *unread),
            ),
        ),
        kept=_kept(want),
        salt=None if salt else fresh,
        followers=tuple(name for name, taken in censuses.items() if taken.follower),
        foreign=tuple(addon.name for addon in found.addons if addon.app not in owners),
    )


def _owned(found: Survey, want: Settings, owners: set[str], service: str) -> tuple[Addon, ...]:
    return tuple(
        addon
        for addon in found.addons
        if addon.service == service and addon.app in owners and addon.name not in want.heroku.handled_addons
    )


def _check_schedules(want: Settings, owners: set[str]) -> None:
    for job in want.schedules:
        if job.app not in owners:
            raise UsageError(
                f"A [[schedule]] in offramp.toml names the app {job.app}, which is not part of this move.",
                hint=f"It must be one of: {', '.join(sorted(owners))}.",
            )


def _salt(want: Settings) -> Secret | None:
    try:
        salt = want.salt_path.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{want.salt_path} cannot be read.", hint="Run as the user who made it, or remove it to draw a new one."
        ) from error
    if len(salt) < fingerprint.SALT_BYTES:
        raise UsageError(f"{want.salt_path} is not a salt.", hint="Remove it; the next run draws a new one.")
    return Secret(salt)


def _kept(want: Settings) -> Kept:
    try:
        return file.read(want.estate_path)
    except FileNotFoundError:
        return None
    except UsageError as error:
        return Unreadable(error.message)
