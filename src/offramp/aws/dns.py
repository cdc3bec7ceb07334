"""Where does a public name send its visitors, in which shares, and since when?

Each public host name has two weighted CNAME records, set identifiers ``heroku`` and ``aws``, and beside them a TXT record
``_offramp.<hostname>`` with a note about the last change. All three are written in one atomic change batch, so the time of
a change is kept in the world and not in a file of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import RefusedError
from .failures import wrapped

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetOutputTypeDef

# Short, because a return to Heroku is only as fast as the longest cached answer.
TTL_SECONDS = 30
SIDES = ("heroku", "aws")


@dataclass(frozen=True, slots=True)
class Zone:
    """A public hosted zone. ``servers`` are the name servers its parent must delegate to."""

    id: str
    name: str
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighted:
    """A host name and the CNAME target of each side."""

    hostname: str
    heroku: str
    aws: str


@dataclass(frozen=True, slots=True)
class Name:
    """What the zone says of a host name: the weight by set identifier (None: no weighted records) and the note."""

    hostname: str
    weights: Mapping[str, int] | None
    note: str | None

    @property
    def aws_share(self) -> int | None:
        """Percent of the answers that lead to AWS, or None when the name is not ours yet."""
        if self.weights is None or set(self.weights) != set(SIDES):
            return None
        total = sum(self.weights.values())
        return round(100 * self.weights["aws"] / total) if total else None


class Dns:
    """Route 53."""

    def __init__(self, client: Route53Client) -> None:
        self._client = client

    def zone(self, name: str) -> Zone | None:
        """Return the public hosted zone of exactly this name, or None. With several, the oldest in AWS's order."""
        with wrapped(f"look for the hosted zone {name}"):
            found = self._client.list_hosted_zones_by_name(DNSName=_dotted(name))["HostedZones"]
            for zone in found:
                if _same(zone["Name"], name) and not zone.get("Config", {}).get("PrivateZone", False):
                    held = self._client.get_hosted_zone(Id=zone["Id"])
                    servers = held.get("DelegationSet", {}).get("NameServers", [])
                    return Zone(zone["Id"].rpartition("/")[2], name, tuple(sorted(servers)))
        return None

    def create_zone(self, name: str) -> Zone:
        """Create the public hosted zone, or return the one that is there."""
        if (held := self.zone(name)) is not None:
            return held
        with wrapped(f"create the hosted zone {name}"):
            made = self._client.create_hosted_zone(
                Name=_dotted(name),
                CallerReference=f"offramp-{name}",
                HostedZoneConfig={"Comment": "Made by offramp", "PrivateZone": False},
            )
        servers = made.get("DelegationSet", {}).get("NameServers", [])
        return Zone(made["HostedZone"]["Id"].rpartition("/")[2], name, tuple(sorted(servers)))

    def name(self, zone_id: str, hostname: str) -> Name:
        """Return the weights and the note of a host name."""
        weights = {
            record["SetIdentifier"]: record["Weight"]
            for record in self._records(zone_id, hostname, "CNAME")
            if "SetIdentifier" in record and "Weight" in record
        }
        notes = [
            value["Value"].strip('"')
            for record in self._records(zone_id, _note_name(hostname), "TXT")
            for value in record.get("ResourceRecords", [])
        ]
        return Name(hostname, weights or None, notes[0] if notes else None)

    def weights(self, zone_id: str, hostname: str) -> Mapping[str, int] | None:
        """Return the weight by set identifier, or None when the name has no weighted records."""
        return self.name(zone_id, hostname).weights

    def set_weights(self, zone_id: str, names: Sequence[Weighted], *, aws_percent: int, note: str) -> None:
        """Give every name the same share on AWS and the same note, in one atomic change batch.

        A plain CNAME record of a name becomes the weighted pair in the same batch. Raises RefusedError when a name has
        address records, which only a person may replace.
        """
        changes = [change for name in names for change in self._changes(zone_id, name, aws_percent, note)]
        with wrapped(f"send {aws_percent} % of {', '.join(name.hostname for name in names)} to AWS"):
            self._client.change_resource_record_sets(
                HostedZoneId=zone_id, ChangeBatch={"Comment": f"offramp {note}", "Changes": changes}
            )

    def _changes(self, zone_id: str, name: Weighted, aws_percent: int, note: str) -> Iterator[ChangeTypeDef]:
        for kind in ("A", "AAAA"):
            if self._records(zone_id, name.hostname, kind):
                raise RefusedError(
                    f"{name.hostname} has {kind} records, which cannot carry weights beside a CNAME.",
                    hint="Replace them by a CNAME to the Heroku DNS target first.",
                )
        for plain in self._records(zone_id, name.hostname, "CNAME"):
            if "SetIdentifier" not in plain:
                yield {"Action": "DELETE", "ResourceRecordSet": plain}
        for side, weight, target in (("heroku", 100 - aws_percent, name.heroku), ("aws", aws_percent, name.aws)):
            yield {
                "Action": "UPSERT",
                "ResourceRecordSet": {
                    "Name": _dotted(name.hostname),
                    "Type": "CNAME",
                    "SetIdentifier": side,
                    "Weight": weight,
                    "TTL": TTL_SECONDS,
                    "ResourceRecords": [{"Value": target}],
                },
            }
        yield {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": _dotted(_note_name(name.hostname)),
                "Type": "TXT",
                "TTL": TTL_SECONDS,
                "ResourceRecords": [{"Value": f'"{note}"'}],
            },
        }

    def _records(self, zone_id: str, hostname: str, kind: str) -> tuple[ResourceRecordSetOutputTypeDef, ...]:
        """Return the records of one name and type; the zone lists from that name on, so one page holds them all."""
        with wrapped(f"read the records of {hostname}"):
            found = self._client.list_resource_record_sets(
                HostedZoneId=zone_id, StartRecordName=_dotted(hostname), MaxItems="100"
            )["ResourceRecordSets"]
        return tuple(record for record in found if _same(record["Name"], hostname) and record["Type"] == kind)


def _note_name(hostname: str) -> str:
    return f"_offramp.{hostname}"


def _dotted(name: str) -> str:
    return name.rstrip(".") + "."


def _same(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower()
