"""What runs on Heroku now, and what does ``estate.json`` say? Reads only."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg

from ..errors import CredentialsRejectedError, OutsideError, UnreachableError, UsageError
from ..heroku.model import Addon
from ..kit.secret import Secret
from ..settings import Settings
from . import catalogue, census, compose, file, fingerprint, survey
from .census import Census
from .model import Schedule
from .seen import Kept, Seen, Unreadable
from .survey import Survey

if TYPE_CHECKING:
    from ..tools import Tools


def look(tools: Tools, want: Settings) -> Seen:
    """Read Heroku, its databases and the file. Raises UsageError for settings that do not fit, OutsideError otherwise."""
    found = survey.take(tools.heroku, want.heroku)
    owners = {facts.app.name for facts in found.apps}
    _check_schedules(want, owners)
    censuses = {addon.name: _census(tools, addon, found) for addon in _databases(found, want, owners)}
    salt = _salt(want)
    return Seen(
        found=compose.estate(
            found,
            {name: taken for name, taken in censuses.items() if not taken.follower},
            tuple(Schedule(job.app, job.command, job.every) for job in want.schedules),
            salt or Secret(secrets.token_hex()),
            want.heroku.handled_addons,
        ),
        kept=_kept(want),
        salted=salt is not None,
        followers=tuple(name for name, taken in censuses.items() if taken.follower),
        foreign=tuple(addon.name for addon in found.addons if addon.app not in owners),
    )


def _databases(found: Survey, want: Settings, owners: set[str]) -> tuple[Addon, ...]:
    return tuple(
        addon
        for addon in found.addons
        if addon.service == catalogue.DATABASE_SERVICE
        and addon.app in owners
        and addon.name not in want.heroku.handled_addons
    )


def _check_schedules(want: Settings, owners: set[str]) -> None:
    for job in want.schedules:
        if job.app not in owners:
            raise UsageError(
                f"A [[schedule]] in offramp.toml names the app {job.app}, which is not part of this move.",
                hint=f"It must be one of: {', '.join(sorted(owners))}.",
            )


def _census(tools: Tools, addon: Addon, found: Survey) -> Census:
    name = compose.config_var_of(addon, found)
    url = found.config(addon.app).get(name) if name else None
    if url is None:
        raise UsageError(
            f"The database {addon.name} is attached to no config var of {addon.app}.",
            hint=f"Run `heroku addons:attach {addon.name} -a {addon.app}`, or name it under heroku.handled_addons.",
        )
    try:
        with tools.connect(url, "offramp discover") as connection:
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


def _said(error: OutsideError | psycopg.Error) -> str:
    if isinstance(error, OutsideError):
        return error.message.rstrip(".")
    return (error.diag.message_primary or type(error).__name__).rstrip(".")


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
