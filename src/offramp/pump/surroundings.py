"""What surrounds the tables, names roles, and so does not come from pg_dump? Policies, grants, defaults, settings, comments."""

from __future__ import annotations

from ..postgres import Connection, translated
from . import database, grants, policies
from .model import Concern


def carry_surroundings(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Carry all of it once the tables and their indexes stand; returns what could not be. Safe to repeat.

    Default privileges come last: they would change what is made after them.
    """
    with translated("one side"):
        return (
            *policies.carry_policies(origin, receiver, owner),
            *grants.carry_grants(origin, receiver, owner),
            *database.carry_settings(origin, receiver, owner),
            *database.carry_comments(origin, receiver),
            *grants.carry_default_rights(origin, receiver, owner),
        )
