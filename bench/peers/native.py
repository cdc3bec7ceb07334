"""PostgreSQL's own publication and subscription. Needs wal_level=logical and a superuser on both sides, which Heroku does not give."""

from __future__ import annotations

from ..clusters import ADMIN, Side
from ..stage import Stage
from .engine import Kind, Steps, copy_schema, wait_for


class Native:
    def __init__(self, stage: Stage, source: Side, target: Side) -> None:
        self._source, self._target = source.named(role=ADMIN), target.named(role=ADMIN)
        # Slots belong to the whole cluster: two databases must not share a name.
        self._name = f"s_{source.database}"
        self.steps = Steps()

    def prepare(self) -> None:
        self.steps.begin.append("pg_dump -s SOURCE | psql TARGET")
        copy_schema(self._source, self._target)
        self.steps.begin.append("source: create publication p for all tables")
        self._source.run("create publication p for all tables")

    def start(self) -> None:
        self.steps.begin.append("target: create subscription s connection '..' publication p")
        self._target.run(f"create subscription {self._name} connection '{self._source.conninfo}' publication p")
        self.steps.begin.append("poll pg_subscription_rel until every table is ready")
        wait_for(self._ready, "native initial sync")

    def _ready(self) -> bool:
        # No row means that the list of tables has not been read yet.
        return self._target.value("select count(*) > 0 and bool_and(srsubstate = 'r') from pg_subscription_rel") is True

    def pause(self) -> None:
        self._target.run(f"alter subscription {self._name} disable")
        wait_for(
            lambda: self._source.value("select count(*) from pg_replication_slots where active") == 0,
            "the slot's release",
        )

    def resume(self) -> None:
        self._target.run(f"alter subscription {self._name} enable")

    def drop(self) -> None:
        if self._target.value(f"select count(*) from pg_subscription where subname = '{self._name}'"):
            self.steps.removal.append("target: drop subscription s")
            self._target.run(f"drop subscription {self._name}")
        self.steps.removal.append("source: drop publication p")
        self._source.run("drop publication if exists p")
        self.steps.removal.append("set sequences on the target by hand")


KIND = Kind("native", "native logical replication", Native)
