"""Which rules are there, and which kinds of finding can they make?"""

from __future__ import annotations

from . import (
    addons,
    builds,
    config,
    databases,
    dns,
    files,
    health,
    http,
    jobs,
    network,
    people,
    pooling,
    preflights,
    worth,
)
from .kinds import Kind, Rule

RULES: tuple[Rule, ...] = (
    *preflights.RULES, *databases.RULES, *health.RULES, *pooling.RULES, *http.RULES, *files.RULES, *builds.RULES, *config.RULES,
    *jobs.RULES, *addons.RULES, *network.RULES, *dns.RULES, *people.RULES, *worth.RULES,
)  # fmt: skip
KINDS: tuple[Kind, ...] = (
    *preflights.KINDS, *databases.KINDS, *health.KINDS, *pooling.KINDS, *http.KINDS, *files.KINDS, *builds.KINDS, *config.KINDS,
    *jobs.KINDS, *addons.KINDS, *network.KINDS, *dns.KINDS, *people.KINDS, *worth.KINDS,
)  # fmt: skip
