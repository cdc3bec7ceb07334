"""What still runs, costs or lies around on Heroku, and is it safe to let go?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .. import pump
from ..design.model import Blueprint, DatabasePlan
from ..kit.secret import Secret
from ..pooler import config as pooler_config
from ..replicate.model import Side
from ..tools import Tools
from .model import AddonLeft, DatabaseLeft, Seen, names_of


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read the remains of every app and database of the blueprint."""
    apps = sorted({service.app for service in want.services})
    addons = {addon.id: addon for app in apps for addon in tools.heroku.addons(app) if addon.app == app}
    standing = frozenset(addon.name for addon in addons.values())
    sides = _sides(tools, want)
    return Seen(
        databases=tuple(_database(tools, want, plan, standing, sides) for plan in want.databases),
        running=tuple(
            (app, formation.type, formation.quantity)
            for app in apps
            for formation in tools.heroku.formation(app)
            if formation.quantity
        ),
        addons=tuple(
            AddonLeft(addon.app, addon.id, addon.name, addon.plan)
            for addon in sorted(addons.values(), key=lambda addon: (addon.app, addon.name))
        ),
        heroku_share=_heroku_share(tools, want),
        monthly_cents=sum(addon.monthly_cents for addon in addons.values()),
    )


def _sides(tools: Tools, want: Blueprint) -> dict[str, Side]:
    """Return where the pooler sends each database's clients: this outlives the record of the switch."""
    document = tools.aws.secrets.get(f"{want.name}/pooler")
    if document is None:
        return {}
    pooled = pooler_config.parse(document.reveal()).databases
    return {name: "aws" if target.side == "aws" else "heroku" for name, target in pooled.items()}


def _database(
    tools: Tools, want: Blueprint, plan: DatabasePlan, standing: frozenset[str], sides: Mapping[str, Side]
) -> DatabaseLeft:
    since = 0.0
    on_aws: tuple[str, ...] = ()
    if (rds := tools.aws.secrets.get(f"{want.name}/link/{plan.name}")) is not None:
        with tools.connect(rds, "offramp look") as connection:
            on_aws = pump.leftovers(connection)
            if (record := pump.read_switch(connection)) is not None and record.state == "committed":
                since = record.at.timestamp()
    url: Secret | None = tools.source_url_if_any(plan.app, plan.config_var)
    on_heroku: tuple[str, ...] = ()
    if url is not None:
        with tools.connect(url, "offramp look") as connection:
            on_heroku = pump.leftovers(connection)
    there = plan.addon in standing
    return DatabaseLeft(
        plan=plan,
        primary=sides.get(plan.name, "heroku"),
        heroku=there,
        backed_up=there and _backed_up(tools, plan, since),
        on_heroku=on_heroku,
        on_aws=on_aws,
    )


def _backed_up(tools: Tools, plan: DatabasePlan, since: float) -> bool:
    return any(
        backup.succeeded and backup.source in names_of(plan) and _epoch(backup.finished_at) >= since
        for backup in tools.data.backups(plan.app)
    )


def _epoch(stamp: str | None) -> float:
    """Return seconds since the epoch of Heroku's time stamps; 0 for none.

    >>> _epoch("1970-01-01T00:01:00Z")
    60.0
    """
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def _heroku_share(tools: Tools, want: Blueprint) -> int:
    """Return the largest share, in percent, that any domain of ours still sends to Heroku."""
    zone = tools.aws.dns.zone(want.zone)
    if zone is None:
        return 100
    shares = (tools.aws.dns.name(zone.id, domain.hostname).aws_share for domain in want.domains)
    return max((100 - (share or 0) for share in shares), default=0)
