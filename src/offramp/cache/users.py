"""Who still uses a cache?"""

from __future__ import annotations

from ..kit.secret import Secret
from .client import connected

# A connection that has asked for nothing this long belongs to nobody who works.
IDLE_SECONDS = 30
# What monitors and replicas do.
WATCHING = frozenset(
    {
        "ping",
        "client",
        "client|list",
        "client|setname",
        "info",
        "replconf",
        "psync",
        "config",
        "config|get",
        "hello",
        "NULL",
    }
)


def users(url: Secret) -> tuple[str, ...]:
    """Return those who work with it, by name or address; monitors, replicas and idle connections are left out."""
    with connected(url, verified=False) as server:
        found = server.client_list()
    return tuple(
        str(one.get("name") or one.get("addr", "unknown"))
        for one in found
        if one.get("name") != "offramp"
        and str(one.get("cmd", "")).lower() not in WATCHING
        and int(one.get("idle", 0)) < IDLE_SECONDS
    )
