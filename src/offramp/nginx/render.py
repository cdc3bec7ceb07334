"""Which Nginx configuration serves these sites? Pure; the settings are those that lost no request in the measurements.

Addresses of tasks change with every deployment, so upstreams are resolved again every second (``resolve``, ``valid=1s``), a
dead address costs 300 ms and is retried elsewhere, and old tasks serve on after they left the DNS (the drain wrapper of
``deploy``). Either half alone loses requests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from ..errors import UsageError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")

# Whoever starts Nginx replaces these; everything else with a dollar sign is Nginx's own.
PLACEHOLDERS = ("${BIND_ADDRESS}", "${DNS_RESOLVER}", "${WORK}")


@dataclass(frozen=True, slots=True)
class Site:
    """An application: its public host names, and where its tasks listen (a name with an address for each task)."""

    name: str
    hostnames: tuple[str, ...]
    host: str
    port: int


def render(sites: Sequence[Site], *, port: int, workers: int = 1) -> str:
    """Return the whole configuration file, listening on ``port``.

    It holds three placeholders for the place it runs in: ``${BIND_ADDRESS}``, ``${DNS_RESOLVER}`` (address and optional port) and
    ``${WORK}``, a writable folder. Raises UsageError for names that cannot be, or that two sites share.
    """
    _refuse_nonsense(sites)
    ordered = sorted(sites, key=lambda site: site.name)
    return (
        _file("gateway.conf")
        .replace("@workers@", str(workers))
        .replace("@port@", str(port))
        .replace("@sites@", "\n".join(_site(site, port) for site in ordered).rstrip("\n"))
    )


def _site(site: Site, port: int) -> str:
    return (
        _file("site.conf")
        .replace("@name@", site.name)
        .replace("@hostnames@", " ".join(sorted(site.hostnames)))
        .replace("@upstream@", f"{site.host}:{site.port}")
        .replace("@port@", str(port))
    )


def _refuse_nonsense(sites: Sequence[Site]) -> None:
    seen: dict[str, str] = {}
    for site in sites:
        if not _NAME.fullmatch(site.name):
            raise UsageError(f"{site.name!r} cannot name a site.", hint="Use lower-case letters, digits and dashes.")
        for hostname in (*site.hostnames, site.host):
            if not _HOST.fullmatch(hostname):
                raise UsageError(
                    f"{hostname!r} of {site.name} is not a host name.", hint="Check the blueprint's domains."
                )
        for hostname in site.hostnames:
            if (other := seen.setdefault(hostname, site.name)) != site.name:
                raise UsageError(f"{hostname} belongs to both {other} and {site.name}.", hint="Give it to one of them.")


def _file(name: str) -> str:
    return resources.files("offramp.nginx").joinpath("templates", name).read_text("utf-8")
