"""How does an application get its own role and database on RDS? Looked for first, so that repeating changes nothing."""

from __future__ import annotations

import json
import secrets as randomness
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import sql

from ..errors import OutsideError
from ..kit import sqlbook
from ..kit.secret import Secret
from .model import DatabaseEndpoint

if TYPE_CHECKING:
    from ..postgres import Connection
    from ..tools import Tools

_BOOK = sqlbook.load("offramp.provision", "sql/roles.sql")
# RDS makes this database by itself; the master may connect to it before there is any other.
_MAINTENANCE_DATABASE = "postgres"


def create(tools: Tools, endpoint: DatabaseEndpoint, app_secret: str, app_url_secret: str) -> None:
    """Make the role and the database named ``endpoint.dbname``; keep the password first, so that it is never lost.

    Raises OutsideError when RDS does not answer or its master's secret is missing.
    """
    password = _password(tools, app_secret, endpoint.dbname)
    with tools.connect(_master_url(tools, endpoint), "offramp provision") as connection:
        _ensure_role(connection, endpoint.dbname, password)
        _ensure_database(connection, endpoint.dbname)
    url = _url(endpoint, endpoint.dbname, password.reveal(), endpoint.dbname, tools.settings.aws.database_tls)
    tools.aws.secrets.put(app_url_secret, url)


def _ensure_role(connection: Connection, role: str, password: Secret) -> None:
    exists = connection.execute(_BOOK["role_exists"], {"role": role}).fetchone() is not None
    # Only the verifier travels, so the password cannot end up in the server's log.
    verifier = connection.pgconn.encrypt_password(password.reveal().encode(), role.encode(), b"scram-sha-256").decode()
    statement = _BOOK["set_password" if exists else "create_role"]
    connection.execute(sql.SQL(statement).format(role=sql.Identifier(role), password=sql.Literal(verifier)))
    connection.execute(sql.SQL(_BOOK["grant_role"]).format(role=sql.Identifier(role)))


def _ensure_database(connection: Connection, database: str) -> None:
    if connection.execute(_BOOK["database_exists"], {"database": database}).fetchone() is None:
        names = {"database": sql.Identifier(database), "role": sql.Identifier(database)}
        connection.execute(sql.SQL(_BOOK["create_database"]).format(**names))
    connection.execute(sql.SQL(_BOOK["close_to_public"]).format(database=sql.Identifier(database)))


def _password(tools: Tools, app_secret: str, role: str) -> Secret:
    """Return the password kept for the role, made and kept now when there is none."""
    held = tools.aws.secrets.get(app_secret)
    if held is not None:
        return Secret(str(json.loads(held.reveal())["password"]))
    password = randomness.token_urlsafe(30)
    document = {"username": role, "password": password, "dbname": role}
    tools.aws.secrets.put(app_secret, Secret(json.dumps(document)), description="The application's role")
    return Secret(password)


def _master_url(tools: Tools, endpoint: DatabaseEndpoint) -> Secret:
    held = tools.aws.secrets.get(endpoint.master_secret)
    if held is None:
        raise OutsideError(
            f"The secret {endpoint.master_secret} is not there.",
            hint="The data stack makes it; look at the stack's events.",
        )
    master = json.loads(held.reveal())
    tls = tools.settings.aws.database_tls
    return _url(endpoint, master["username"], master["password"], _MAINTENANCE_DATABASE, tls)


def _url(endpoint: DatabaseEndpoint, user: str, password: str, dbname: str, tls: str) -> Secret:
    who = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return Secret(f"postgres://{who}@{endpoint.host}:{endpoint.port}/{dbname}?sslmode={tls}")
