"""Routes of the data API for Postgres: what ``heroku pg:info``, ``pg:credentials`` and ``pg:backups`` ask for.

Shapes from heroku/cli (``src/commands/pg``); they are in no public schema. The figures come from the running server.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from .. import views
from ..addons.backups import Transfer
from ..addons.postgres import DumpFailedError, Figures, HerokuPostgres, Login
from ..views import Json
from ..world import Addon, World, now
from .context import answer, platform, the_app
from .problems import ProblemError, not_found

routes = web.RouteTableDef()
GIGABYTE = 1024**3
# Dev Center, Heroku Postgres Settings.
_SETTINGS: tuple[tuple[str, object, str], ...] = (
    ("auto_explain", False, "Whether plans of slow queries are logged."),
    ("log_connections", True, "Whether each connection is logged."),
    ("log_lock_waits", True, "Whether waits longer than deadlock_timeout are logged."),
    ("log_min_duration_statement", 2000, "Statements that take this many milliseconds are logged."),
    ("log_min_error_statement", "error", "From which severity on the statement is logged."),
    ("log_statement", "ddl", "Which statements are logged."),
    ("track_functions", "none", "Whether calls of functions are counted."),
)
_BACKGROUND: web.AppKey[set[asyncio.Task[None]]] = web.AppKey("dumps", set)


def _database(request: web.Request) -> tuple[Addon, HerokuPostgres]:
    addon = platform(request).world.addon(request.match_info["database"])
    if addon is None or not isinstance(addon.resource, HerokuPostgres):
        raise ProblemError(404, "not_found", "Couldn't find that database.")
    return addon, addon.resource


@routes.get("/client/v11/databases/{database}")
async def show_database(request: web.Request) -> web.Response:
    addon, database = _database(request)
    figures = await asyncio.to_thread(database.figures)
    return answer(_view(addon, database, figures))


@routes.get("/client/v11/databases/{database}/wait_status")
async def wait_status(request: web.Request) -> web.Response:
    _database(request)
    return answer({"waiting?": False, "error?": False, "message": "available"})


def _view(addon: Addon, database: HerokuPostgres, figures: Figures) -> Json:
    _, port = database.address
    created = addon.created.strftime("%Y-%m-%d %H:%M UTC")
    return {
        "addon_id": addon.id,
        "name": addon.name,
        "formation": {"id": addon.provider_id, "primary": None},
        "plan": addon.plan.tier,
        "created_at": views.stamp(addon.created),
        "info": [{"name": name, "values": values} for name, values in _rows(addon, database, figures, created)],
        "features": [],
        "num_bytes": figures.bytes,
        "num_tables": figures.tables,
        "num_connections": figures.connections,
        "num_connections_waiting": figures.waiting,
        "following": None,
        "forked_from": None,
        "resource_url": database.url,
        "port": port,
        "database_name": database.database,
        "standalone?": True,
        "waiting?": False,
        "postgres_version": figures.version,
        "service": "heroku-postgresql",
        "target_transaction": None,
        "current_transaction": figures.transaction,
        "leader": None,
        "hot_standby?": False,
        "status_updated_at": views.stamp(addon.updated),
        "is_in_recovery?": figures.in_recovery,
        "available_for_ingress": True,
    }


def _rows(addon: Addon, database: HerokuPostgres, figures: Figures, created: str) -> list[tuple[str, list[object]]]:
    plan = addon.plan
    share = figures.bytes / (plan.gigabytes * GIGABYTE)
    standard = not plan.tier.startswith("essential")
    rows: list[tuple[str, list[object]]] = [
        ("Plan", [plan.human_name]),
        ("Status", ["Available"]),
        ("Data Size", [f"{human(figures.bytes)} / {plan.gigabytes} GB ({share:.2%})"]),
        ("Tables", [figures.tables]),
        ("PG Version", [figures.version]),
        ("Connections", [f"{figures.connections}/{plan.connections}"]),
        ("Connection Pooling", ["Available" if standard else "Unsupported"]),
        ("Credentials", [1]),
        ("Fork/Follow", ["Available" if standard else "Unsupported"]),
        ("Rollback", [f"earliest from {created}" if standard else "Unsupported"]),
        ("Created", [created]),
        ("Region", ["us"]),
        ("Data Encryption", ["In Use"]),
        ("Continuous Protection", ["On" if standard else "Off"]),
        ("Enhanced Certificates", ["Off"]),
        ("Maintenance", ["not required"]),
        ("Maintenance window", ["Thursdays 18:30 to 22:30 UTC"]),
    ]
    return rows


def human(count: int) -> str:
    """Write a size as the data API does.

    >>> human(1288490188), human(9_000_000)
    ('1.2 GB', '8.58 MB')
    """
    if count >= GIGABYTE:
        return f"{count / GIGABYTE:.1f} GB"
    return f"{count / 1024**2:.2f} MB"


@routes.get("/postgres/v0/databases/{database}/credentials")
async def list_credentials(request: web.Request) -> web.Response:
    addon, database = _database(request)
    return answer([await _credential(addon, database)])


@routes.get("/postgres/v0/databases/{database}/config")
async def show_config(request: web.Request) -> web.Response:
    """What ``pg:settings`` shows; a rehearsal's databases have Heroku's defaults."""
    _database(request)
    return answer({name: {"value": value, "desc": text, "default": value} for name, value, text in _SETTINGS})


@routes.get("/client/v11/databases/{database}/transfer-schedules")
async def list_schedules(request: web.Request) -> web.Response:
    """Daily backups; nobody has ordered any."""
    _database(request)
    return answer([])


@routes.get("/postgres/v0/databases/{database}/credentials/{name}")
async def show_credential(request: web.Request) -> web.Response:
    addon, database = _database(request)
    _default_only(request)
    return answer(await _credential(addon, database))


@routes.post("/postgres/v0/databases/{database}/credentials_rotation")
@routes.post("/postgres/v0/databases/{database}/credentials/{name}/credentials_rotation")
async def rotate(request: web.Request) -> web.Response:
    """Rotate the default credential: new login, new release of each app that has it, the old login ends after its grace."""
    addon, database = _database(request)
    _default_only(request)
    await platform(request).addons.rotate(addon, database)
    return answer(await _credential(addon, database))


def _default_only(request: web.Request) -> None:
    if request.match_info.get("name", "default") != "default":
        raise not_found("credential")


async def _credential(addon: Addon, database: HerokuPostgres) -> Json:
    host, port = database.address
    logins = list(database.logins)
    counts = [await asyncio.to_thread(database.connections_of, login) for login in logins]
    return {
        "uuid": addon.provider_id,
        "name": "default",
        "state": "active" if len(logins) == 1 else "rotating",
        "database": database.database,
        "host": host,
        "port": port,
        "credentials": [_login(login, count) for login, count in zip(logins, counts, strict=True)],
    }


def _login(login: Login, connections: int) -> Json:
    return {"user": login.user, "password": login.password, "state": login.state, "connections": connections}


@routes.post("/client/v11/databases/{database}/backups")
async def capture(request: web.Request) -> web.Response:
    """Begin a real pg_dump; the transfer tells when it has ended."""
    here = platform(request)
    addon, database = _database(request)
    transfer = here.backups.begin(here.world.names.uuid(), addon, now())
    task = asyncio.create_task(_dump(database, transfer), name=f"backup of {addon.name}")
    running = request.app[_BACKGROUND]
    running.add(task)
    task.add_done_callback(running.discard)
    return answer(_transfer(transfer, here.world), 201)


async def _dump(database: HerokuPostgres, transfer: Transfer) -> None:
    try:
        await asyncio.to_thread(database.dump, transfer.path)
    except (DumpFailedError, OSError) as error:
        transfer.error = str(error)
    transfer.finished = now()


@routes.get("/client/v11/apps/{app}/transfers")
async def list_transfers(request: web.Request) -> web.Response:
    here, app = platform(request), the_app(request)
    return answer([_transfer(one, here.world) for one in here.backups.by_app.get(app.name, [])])


@routes.get("/client/v11/apps/{app}/transfers/{transfer}")
async def show_transfer(request: web.Request) -> web.Response:
    return answer(_transfer(_the_transfer(request), platform(request).world))


@routes.post("/client/v11/apps/{app}/transfers/{transfer}/actions/public-url")
async def public_url(request: web.Request) -> web.Response:
    """Where the file of a finished backup can be fetched without a token."""
    here, transfer = platform(request), _the_transfer(request)
    if transfer.finished is None or transfer.error:
        raise ProblemError(422, "invalid_params", "Backup is not finished.")
    return answer(
        {"url": f"{here.api_url}/_backups/{here.backups.ticket(transfer)}", "expires_at": views.stamp(now())}, 201
    )


@routes.get("/_backups/{ticket}")
async def fetch(request: web.Request) -> web.StreamResponse:
    transfer = platform(request).backups.tickets.get(request.match_info["ticket"])
    if transfer is None:
        raise not_found("backup")
    return web.FileResponse(transfer.path)


def _the_transfer(request: web.Request) -> Transfer:
    found = platform(request).backups.find(the_app(request).name, request.match_info["transfer"])
    if found is None:
        raise not_found("transfer")
    return found


def _transfer(one: Transfer, world: World) -> Json:
    created, finished = views.stamp(one.created), views.stamp(one.finished) if one.finished else None
    names = [each.name for each in world.attached_to(one.addon)]
    log = [{"created_at": finished, "message": one.error}] if one.error else []
    return {
        "uuid": one.id,
        "num": one.number,
        "from_name": names[0] if names else one.addon.name,
        "from_type": "pg_dump",
        "from_url": None,
        "to_name": "BACKUP",
        "to_type": "gof3r",
        "to_url": None,
        "options": {},
        "source_bytes": None,
        "processed_bytes": one.bytes,
        "succeeded": one.error is None if one.finished else None,
        "warnings": 0,
        "created_at": created,
        "started_at": created,
        "finished_at": finished,
        "updated_at": finished or created,
        "canceled_at": None,
        "schedule": None,
        "logs": log,
    }


def set_up(app: web.Application) -> None:
    """Keep the dumps that run, and end with the server."""
    app[_BACKGROUND] = set()

    async def close(app: web.Application) -> None:
        for task in app[_BACKGROUND]:
            task.cancel()
        await asyncio.gather(*app[_BACKGROUND], return_exceptions=True)

    app.on_cleanup.append(close)
