"""One technology: PostgreSQL and its pooler. Connections with pinned settings, errors, the catalogue, PgBouncer's console."""

from .catalogue import Column, KeyColumn, Server, Table, extensions, server, tables
from .connection import PINS, Connection, another, connect, translated
from .pooler import Console
from .pooling import SessionUse, session_uses

__all__ = [
    "PINS",
    "Column",
    "Connection",
    "Console",
    "KeyColumn",
    "Server",
    "SessionUse",
    "Table",
    "another",
    "connect",
    "extensions",
    "server",
    "session_uses",
    "tables",
    "translated",
]
