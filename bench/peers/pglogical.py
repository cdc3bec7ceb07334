"""pglogical. Needs a restart of both clusters to be preloaded, wal_level=logical, and a superuser on both sides."""

from __future__ import annotations

import psycopg

from ..clusters import ADMIN, Side
from ..stage import Stage
from .engine import Kind, Steps, copy_schema, wait_for

NAME = "sub"


class Pglogical:
    def __init__(self, stage: Stage, source: Side, target: Side) -> None:
        self._stage = stage
        self._source, self._target = source.named(role=ADMIN), target.named(role=ADMIN)
        self.steps = Steps()

    def prepare(self) -> None:
        self.steps.begin += [
            "source: shared_preload_libraries = 'pglogical', restart",
            "target: shared_preload_libraries = 'pglogical', restart",
        ]
        self._allow_plugin()
        self._stage.set_preload("pglogical")
        self.steps.begin.append("pg_dump -s SOURCE | psql TARGET")
        copy_schema(self._source, self._target)
        self._do(self._source, "create extension pglogical")
        self._do(self._source, f"select pglogical.create_node('prov', '{self._source.conninfo}')")
        self._do(self._source, "select pglogical.replication_set_add_all_tables('default', array['public'])")
        self._do(self._target, "create extension pglogical")
        self._do(self._target, f"select pglogical.create_node('subs', '{self._target.conninfo}')")

    def _do(self, side: Side, statement: str) -> None:
        self.steps.begin.append(f"{side.cluster.name}: {statement.replace(side.conninfo, '..')}")
        side.run(statement)

    def _allow_plugin(self) -> None:
        """Minor releases of 2026 refuse output plugins that this parameter does not name; it wants a list, not one string."""
        known = self._source.value("select count(*) from pg_settings where name = 'output_plugin_libraries'")
        if known:
            self.steps.begin.append("source: output_plugin_libraries = pgoutput, test_decoding, pglogical_output")
            self._source.run("alter system set output_plugin_libraries = pgoutput, test_decoding, pglogical_output")

    def start(self) -> None:
        self.steps.begin.append("target: select pglogical.create_subscription('sub', '..')")
        self._target.run(
            f"select pglogical.create_subscription('{NAME}', '{self._source.conninfo}', "
            "synchronize_structure := false, synchronize_data := true)"
        )
        self.steps.begin.append("poll show_subscription_status and local_sync_status until every table is ready")
        wait_for(self._ready, "pglogical initial sync")

    def _ready(self) -> bool:
        try:
            return (
                self._target.value(f"select status from pglogical.show_subscription_status('{NAME}')") == "replicating"
                and self._target.value(
                    "select count(*) from pglogical.local_sync_status where sync_status not in ('r', 'y')"
                )
                == 0
            )
        except psycopg.errors.ObjectNotInPrerequisiteState:
            return False

    def pause(self) -> None:
        self._target.run(f"select pglogical.alter_subscription_disable('{NAME}', true)")
        wait_for(
            lambda: self._source.value("select count(*) from pg_replication_slots where active") == 0,
            "the slot's release",
        )

    def resume(self) -> None:
        self._target.run(f"select pglogical.alter_subscription_enable('{NAME}', true)")

    def drop(self) -> None:
        for side, statement in (
            (self._target, f"select pglogical.drop_subscription('{NAME}', true)"),
            (self._target, "drop extension if exists pglogical cascade"),
            (self._source, "drop extension if exists pglogical cascade"),
        ):
            self.steps.removal.append(f"{side.cluster.name}: {statement}")
            if side.value("select count(*) from pg_extension where extname = 'pglogical'"):
                side.run(statement)
        # A subscription that could not say goodbye leaves its slot, and a slot keeps the database from being dropped.
        self._source.run(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where plugin = 'pglogical_output' and not active"
        )
        self.steps.removal.append("source and target: shared_preload_libraries = '', restart")
        self._stage.set_preload("")


KIND = Kind("pglogical", "pglogical 2.4", Pglogical, needs=("extension:pglogical",), preload="pglogical")
