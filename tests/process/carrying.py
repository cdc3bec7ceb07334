"""A schema carried without rows and without a link, for tests of what is not rows."""

from __future__ import annotations

from dataclasses import dataclass

from pump_world import Pair

from offramp import pump
from offramp.kit.secret import Secret
from offramp.postgres import Connection
from offramp.pump import Concern, schema, surroundings
from offramp.pump.archive import Archive, Dumper
from offramp.rehearsal.servers import programs


@dataclass(frozen=True)
class Carried:
    pair: Pair
    origin: Connection
    receiver: Connection
    archive: Archive
    said: tuple[Concern, ...]

    @property
    def owner(self) -> str:
        return self.pair.owner

    def differences(self) -> list[str]:
        """What differs, without the version that the other server's extensions have."""
        found = pump.schema_differences(self.origin, self.receiver, self.owner)
        return [
            said for said in found if not said.startswith(("extension citext: version", "extension hstore: version"))
        ]


def carry(pair: Pair) -> Carried:
    """Carry the pair's schema, as a link's beginning and end do."""
    origin, receiver = pair.source(), pair.target()
    archive = Dumper(Secret(pair.source_url), programs.dump_tools(pair.world.source.major)).archive()
    keep = schema.carried(schema.own_triggers(origin))
    said = schema.prepare_database(receiver, origin, pair.owner)
    with receiver.transaction():
        schema.restore(receiver, archive.statements("pre-data", keep), pair.owner)
    for piece in archive.statements("post-data", keep):
        schema.build(receiver, piece, pair.owner)
    more = surroundings.carry_surroundings(origin, receiver, pair.owner)
    return Carried(pair, origin, receiver, archive, (*said, *more))
