"""What is paid on Heroku, by app and add-on? Billed prices first, the dated public list where the API gives none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from ...discover.model import App, Cache, Database, Estate, OtherAddon, ProcessType
from . import herokulist
from .model import HerokuBill, HerokuLine, Sizes

PRODUCTION = "production"
API = "Heroku's API, the price of this account"
_WHOLE = Decimal(1)


def bill(estate: Estate, sizes: Sizes, traffic: Decimal) -> HerokuBill:
    """Return a month on Heroku; at more than the present traffic, dynos grow in proportion and databases keep their plans."""
    dynos = [line for app in estate.apps for process in app.processes for line in _dyno(app, process, traffic)]
    staging = frozenset(app.name for app in estate.apps if in_staging(app))
    owned: tuple[Database | Cache | OtherAddon, ...] = (*estate.databases, *estate.caches, *estate.others)
    addons = [_addon(one, staging) for one in owned]
    jobs = _jobs(estate, sizes)
    lines = [*dynos, *_eco(estate), *jobs, *addons, *_spaces(estate)]
    known = tuple(line for line in lines if isinstance(line, HerokuLine))
    return HerokuBill(traffic, known, tuple(dict.fromkeys(line for line in lines if isinstance(line, str))))


def in_staging(app: App) -> bool:
    """Say whether an app stands at a stage of its pipeline other than production."""
    return app.pipeline_stage is not None and app.pipeline_stage != PRODUCTION


def dyno_cents(process: ProcessType) -> tuple[Decimal, bool] | None:
    """Return one dyno's price a month and whether the API said so; None when nobody knows, or for Eco."""
    if process.size.casefold() == "eco":
        return None
    if process.monthly_cents:
        return Decimal(process.monthly_cents), True
    listed = herokulist.dyno(process.size)
    return None if listed is None else (listed, False)


def _dyno(app: App, process: ProcessType, traffic: Decimal) -> Iterator[HerokuLine | str]:
    if not process.quantity or process.size.casefold() == "eco":
        return
    found = dyno_cents(process)
    if found is None:
        yield f"Nobody says what a dyno of the size {process.size} costs ({app.name} {process.type})."
        return
    each, told = found
    count = (process.quantity * max(traffic, Decimal(1))).to_integral_value(ROUND_CEILING)
    yield HerokuLine(
        app=app.name,
        what=f"{process.type}: {count} × {process.size}",
        kind="dyno",
        cents=count * each,
        formula=f"{count} dynos × ${each / 100:.2f}",
        source=API if told else herokulist.LIST,
        billed=told,
        moves=True,
        staging=in_staging(app),
    )


def _eco(estate: Estate) -> Iterator[HerokuLine]:
    users = [app for app in estate.apps if any(one.quantity and one.size.casefold() == "eco" for one in app.processes)]
    if users:
        yield HerokuLine(
            app=users[0].name,
            what=f"Eco dynos of {len(users)} {'app' if len(users) == 1 else 'apps'}",
            kind="dyno",
            cents=Decimal(herokulist.ECO_POOL * 100),
            formula=f"one pool of 1,000 hours × ${herokulist.ECO_POOL}.00",
            source=herokulist.LIST,
            billed=False,
            moves=True,
            staging=all(in_staging(app) for app in users),
        )


def _jobs(estate: Estate, sizes: Sizes) -> Iterator[HerokuLine]:
    """One-off dynos of Heroku Scheduler, billed to the second."""
    for job in sizes.jobs:
        app = next((one for one in estate.apps if one.name == job.app), None)
        priced = [dyno_cents(process) for process in app.processes] if app else []
        each, told = min((one for one in priced if one is not None), default=(Decimal(0), False))
        hours = job.runs * job.minutes.amount.likely / 60
        cents = (hours * each / herokulist.HOURS_A_MONTH).quantize(_WHOLE, ROUND_HALF_UP)
        if cents:
            yield HerokuLine(
                app=job.app,
                what=f"scheduled: {job.command}",
                kind="dyno",
                cents=cents,
                formula=f"{hours:.1f} h × ${each / 100:.2f} / {herokulist.HOURS_A_MONTH} h",
                source=API if told else herokulist.LIST,
                billed=told,
                moves=True,
                staging=app is not None and in_staging(app),
            )


def _addon(one: Database | Cache | OtherAddon, staging: frozenset[str]) -> HerokuLine | str:
    kept = isinstance(one, OtherAddon)
    line = HerokuLine(
        app=one.app,
        what=f"{one.addon} ({one.plan})",
        kind="add-on",
        cents=Decimal(one.monthly_cents),
        formula="1 add-on × its price",
        source=API,
        billed=True,
        moves=not kept,
        staging=one.app in staging,
    )
    if one.monthly_cents:
        return line
    listed = herokulist.addon(one.plan)
    if listed is None:
        return f"The add-on {one.addon} ({one.plan}) has no price in the API: it is free, or under a contract."
    return replace(line, cents=listed, source=herokulist.LIST, billed=False)


def _spaces(estate: Estate) -> Iterator[HerokuLine]:
    """The fee of each Private Space that an app of the estate lives in; the API does not tell it."""
    for space in estate.spaces:
        users = [app for app in estate.apps if app.space == space.name]
        usd = herokulist.SHIELD_SPACE if space.shield else herokulist.SPACE
        if users:
            yield HerokuLine(
                app=users[0].name,
                what=f"{'Shield' if space.shield else 'Private'} Space {space.name}",
                kind="space",
                cents=Decimal(usd * 100),
                formula=f"1 space × ${usd:,}.00",
                source=herokulist.LIST,
                billed=False,
                moves=True,
                staging=all(in_staging(app) for app in users),
            )
