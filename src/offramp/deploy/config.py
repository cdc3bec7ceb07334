"""Which values does an app's configuration hold on AWS? Pure functions over secrets; nothing here prints or stores one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import OutsideError
from ..kit.secret import Secret
from .model import ConfigPlan


@dataclass(frozen=True, slots=True)
class Places:
    """Where what a plan names can be reached, and with which password: the pooler by database, caches by name."""

    pooler_host: str
    pooler_port: int
    clients: Mapping[str, Secret]
    caches: Mapping[str, tuple[str, int, Secret]]


def resolve(plan: ConfigPlan, heroku: Mapping[str, Secret], places: Places) -> Mapping[str, Secret]:
    """Return the app's whole configuration: Heroku's, with its databases behind the pooler and its moved caches on AWS."""
    values = dict(heroku)
    for variable, database in plan.pooled:
        values[variable] = pooler_url(places, database)
    for variable, cache in plan.cached:
        values[variable] = cache_url(places, cache)
    return values


def pooler_url(places: Places, database: str) -> Secret:
    """Return a database's URL at the pooler; inside the private network it speaks plain TCP."""
    password = quote(places.clients[database].reveal(), safe="")
    return Secret(f"postgres://{database}:{password}@{places.pooler_host}:{places.pooler_port}/{database}")


def cache_url(places: Places, cache: str) -> Secret:
    """Return a cache's URL on ElastiCache, with TLS as on Heroku."""
    host, port, token = places.caches[cache]
    return Secret(f"rediss://:{quote(token.reveal(), safe='')}@{host}:{port}")


def dump(values: Mapping[str, Secret]) -> Secret:
    """Return the secret's text: one JSON object, keys sorted."""
    return Secret(json.dumps({name: value.reveal() for name, value in sorted(values.items())}, ensure_ascii=False))


def load(text: Secret) -> Mapping[str, Secret]:
    """Read what ``dump`` wrote."""
    return {name: Secret(str(value)) for name, value in json.loads(text.reveal()).items()}


def fingerprint(values: Mapping[str, Secret], key: Secret) -> str:
    """Return 16 hex digits that change with any value; keyed, so that nobody can guess a short value from them."""
    return hmac.new(key.reveal().encode(), dump(values).reveal().encode(), hashlib.sha256).hexdigest()[:16]


def cache_token(text: Secret | None, name: str) -> Secret:
    """Return the password in a cache's secret. Raises OutsideError when the secret is not there."""
    if text is None:
        raise OutsideError(
            f"The secret {name} is not there.", hint="The data stack makes it; look at the stack's events."
        )
    return Secret(str(json.loads(text.reveal())["password"]))
