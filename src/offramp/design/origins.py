"""What must change in the addresses by which apps find each other? They must go through names whose DNS we can move."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from ..discover.model import App, ConfigVar, Estate
from .model import OriginPlan


def public_host(app: App) -> str:
    """Return the host name whose DNS can be moved, the default Heroku host of an app that has none."""
    named = [domain.hostname for domain in app.domains if not domain.hostname.startswith("*")]
    return named[0] if named else app.default_host


def moved(variable: ConfigVar, estate: Estate) -> str | None:
    """Return the variable's address at the target's own domain: same scheme, port and path, other host.

    None when it points at no app, or when its value could not be kept in the estate.
    """
    if not variable.points_at or not variable.address:
        return None
    parts = urlsplit(variable.address)
    port = f":{parts.port}" if parts.port else ""
    host = public_host(estate.app(variable.points_at))
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))


def env(app: App, estate: Estate) -> tuple[tuple[str, str], ...]:
    """Return the variables that the app's services need with other values than on Heroku."""
    return tuple((variable.name, value) for variable in app.config if (value := moved(variable, estate)))


def origins(estate: Estate) -> tuple[OriginPlan, ...]:
    """Return the variables of front ends that must change on Heroku, too, before the domains' traffic can move."""
    return tuple(
        OriginPlan(app=app.name, config_var=name, value=value)
        for app in estate.apps
        if is_front_end(app, estate)
        for name, value in env(app, estate)
    )


def is_front_end(app: App, estate: Estate) -> bool:
    """Whether an app only calls others: it has no database, and points at an app that is not itself."""
    with_data = {place.partition(":")[0] for database in estate.databases for place in database.attached_to}
    with_data |= {database.app for database in estate.databases}
    return app.name not in with_data and any(v.points_at not in (None, app.name) for v in app.config)


def uncertain(estate: Estate) -> Iterator[tuple[App, ConfigVar]]:
    """Yield the variables that point at an app of the estate with a value too secret for the estate's file."""
    for app in estate.apps:
        yield from ((app, variable) for variable in app.config if variable.points_at and not variable.address)
