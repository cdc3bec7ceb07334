"""What does Heroku ask by its public list, where the API does not say what is billed?

The list of 2026: Heroku's price and Dev Center plan pages as cached on 2026-10-05, and the table in Heroku's command line. For Private and
Shield dynos the two disagree (125, 250, 500 against 225, 450, 900 dollars): the cached page is used and both are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

LIST_DATE = date(2026, 10, 5)
LIST = f"Heroku's public list of {LIST_DATE.isoformat()}"
HOURS_A_MONTH = 720
"""Heroku bills to the second; an hour is a 720th of the monthly price, as its command line counts."""

_DYNOS: Mapping[str, int] = {
    "basic": 7,
    "standard-1x": 25,
    "standard-2x": 50,
    "performance-m": 250,
    "performance-l": 500,
    "performance-l-ram": 500,
    "performance-xl": 750,
    "performance-2xl": 1500,
    "private-s": 125,
    "private-m": 250,
    "private-l": 500,
    "shield-s": 150,
    "shield-m": 300,
    "shield-l": 600,
    "dyno-1c-0.5gb": 25,
    "dyno-1c-4gb": 80,
    "dyno-1c-8gb": 100,
    "dyno-2c-1gb": 50,
    "dyno-2c-4gb": 150,
    "dyno-2c-8gb": 160,
    "dyno-2c-16gb": 250,
    "dyno-4c-8gb": 300,
    "dyno-4c-16gb": 320,
    "dyno-4c-32gb": 500,
    "dyno-8c-16gb": 600,
    "dyno-8c-32gb": 640,
    "dyno-8c-64gb": 750,
    "dyno-16c-32gb": 1200,
    "dyno-16c-64gb": 1000,
    "dyno-16c-128gb": 1500,
    "dyno-32c-64gb": 2400,
}
"""US dollars a month for one dyno that always runs."""
ECO_POOL = 5
"""US dollars for 1,000 hours of Eco dynos, once per account."""
SPACE, SHIELD_SPACE = 1000, 3000

_POSTGRES: Mapping[str, int] = {
    "essential-0": 5,
    "essential-1": 9,
    "essential-2": 20,
    "standard-0": 50,
    "standard-2": 200,
    "standard-3": 400,
    "standard-4": 750,
    "standard-5": 1400,
    "standard-6": 2000,
    "standard-7": 3500,
    "premium-0": 200,
    "premium-2": 350,
    "premium-3": 750,
    "premium-4": 1200,
    "premium-5": 2500,
    "premium-6": 3500,
    "premium-7": 6000,
}
_REDIS: Mapping[str, int] = {
    "mini": 3,
    "premium-0": 15,
    "premium-1": 30,
    "premium-2": 60,
    "premium-3": 120,
    "premium-5": 200,
    "premium-7": 750,
    "premium-9": 1450,
    "premium-10": 3500,
    "premium-12": 6500,
    "premium-14": 12_500,
}


def dyno(size: str) -> Decimal | None:
    """Return the list price of one dyno in cents a month; None for Eco, which shares a pool, and for sizes not in the list.

    >>> dyno("Standard-2X"), dyno("Eco")
    (Decimal('5000'), None)
    """
    name = size.casefold()
    usd = _DYNOS.get(name, _DYNOS.get(f"dyno-{name}"))
    return None if usd is None else Decimal(usd * 100)


def addon(plan: str) -> Decimal | None:
    """Return the list price of a database or cache plan in cents a month, None when it is not in the list.

    Private and Shield plans of Postgres cost as much as Premium.

    >>> addon("heroku-postgresql:private-0"), addon("heroku-redis:mini"), addon("papertrail:choklad")
    (Decimal('20000'), Decimal('300'), None)
    """
    service, _, name = plan.partition(":")
    if service == "heroku-postgresql":
        tier, _, number = name.partition("-")
        usd = _POSTGRES.get(f"premium-{number}" if tier in ("private", "shield") else name)
    elif service == "heroku-redis":
        usd = _REDIS.get(name)
    else:
        usd = None
    return None if usd is None else Decimal(usd * 100)
