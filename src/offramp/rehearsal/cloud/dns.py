"""Who answers for names? A DNS server on loopback: Heroku's names, Route 53's zones, load balancers, Cloud Map."""

from __future__ import annotations

import asyncio
import logging
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from .balancers import Balancers
from .cloudmap import CloudMap
from .zones import Picture, Record, Zones, normal

log = logging.getLogger(__name__)
TTL_SECONDS = 1
HEROKU_ROUTER = "127.0.0.2"
_HEROKU = (".herokuapp.com", ".herokudns.com")
_ELB = ".elb.amazonaws.com"
_CHAIN_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say: links of (owner, type, value), and whether the name exists at all. None means: not our zone."""

    links: tuple[tuple[str, str, str], ...] = ()
    exists: bool = True


def choose(records: Sequence[Record], chance: random.Random) -> Record | None:
    """Pick one record set as Route 53 does: by weight; when all weights are zero, each with the same chance."""
    if not records:
        return None
    weights = [record.weight if record.weight is not None else 1 for record in records]
    return chance.choices(records, weights if any(weights) else None)[0]


@dataclass
class Names:
    """Answers one question at a time from what is true at that moment."""

    zones: Zones
    balancers: Balancers
    cloudmap: CloudMap
    chance: random.Random = field(default_factory=random.Random)
    outside: dict[str, str] = field(default_factory=dict)
    """CNAMEs at the customer's present DNS provider: they answer until Route 53 has records for the name."""

    async def resolve(self, name: str, kind: str) -> Answer | None:
        """Return the answer for ``name`` and a record type, with CNAMEs followed to their end."""
        picture = await self.zones.now()
        links: list[tuple[str, str, str]] = []
        owner = normal(name)
        for _ in range(_CHAIN_LIMIT):
            step = self._step(picture, owner, kind)
            if step is None:
                return Answer(tuple(links)) if links else None
            links += step.links
            if not step.links or step.links[-1][1] != "CNAME" or kind == "CNAME":
                return Answer(tuple(links), step.exists or bool(links))
            owner = normal(step.links[-1][2])
        return Answer(tuple(links))

    def _step(self, picture: Picture, owner: str, kind: str) -> Answer | None:
        if owner.endswith(_HEROKU):
            return self._addresses(owner, kind, [HEROKU_ROUTER])
        if owner.endswith(_ELB):
            groups = picture.balancers.get(owner)
            if groups is None:
                return Answer(exists=False)
            healthy = [address for group in groups for address in self.balancers.healthy(group)]
            return self._addresses(owner, kind, list(dict.fromkeys(healthy)))
        registered = self.cloudmap.lookup(owner)
        if registered is not None:
            return self._addresses(owner, kind, registered)
        answer = self._zone(picture, owner, kind)
        if (answer is None or not answer.links) and (target := self.outside.get(owner)):
            return Answer(((owner, "CNAME", target),))
        return answer

    def _addresses(self, owner: str, kind: str, addresses: Sequence[str]) -> Answer:
        shuffled = self.chance.sample(list(addresses), len(addresses)) if kind == "A" else []
        return Answer(tuple((owner, "A", address) for address in shuffled))

    def _zone(self, picture: Picture, owner: str, kind: str) -> Answer | None:
        zone = picture.zone_of(owner)
        if zone is None:
            return None
        for name in (owner, f"*.{owner.partition('.')[2]}"):
            for wanted in (kind, "CNAME"):
                record = choose(picture.records.get((name, wanted), ()), self.chance)
                if record and record.alias:
                    return Answer(((owner, "CNAME", record.values[0]),))
                if record:
                    return Answer(tuple((owner, wanted, value) for value in record.values))
        exists = any(name == owner or name.endswith(f".{owner}") for name, _ in picture.records)
        return Answer(exists=exists)


@dataclass
class Server(asyncio.DatagramProtocol):
    """The wire: UDP and TCP on one address."""

    names: Names
    _transport: asyncio.DatagramTransport | None = field(default=None, repr=False)
    _tcp: asyncio.Server | None = field(default=None, repr=False)
    _answering: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self._tcp = await asyncio.start_server(self._serve, host, port)

    async def stop(self) -> None:
        if self._transport:
            self._transport.close()
        if self._tcp:
            self._tcp.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio names only the base class here, and its own datagram transport does not derive from the public one.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, packet: bytes, source: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._answer_datagram(packet, source))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer_datagram(self, packet: bytes, source: tuple[str, int]) -> None:
        answer = await self.answer(packet)
        if answer and self._transport:
            self._transport.sendto(answer, source)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = await self.answer(await reader.readexactly(length))
                if answer is None:
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def answer(self, packet: bytes) -> bytes | None:
        """Answer one message; one that cannot be parsed gets no answer."""
        try:
            query = dns.message.from_wire(packet)
        except dns.exception.DNSException:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if not query.question or query.question[0].rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        question = query.question[0]
        try:
            found = await self.names.resolve(question.name.to_text(), dns.rdatatype.to_text(question.rdtype))
        except Exception:
            log.exception("%s could not be resolved", question.name)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        if found is None:
            response.set_rcode(dns.rcode.REFUSED)
        elif not found.exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            _fill(response, found)
        return response.to_wire()


def _fill(response: dns.message.Message, found: Answer) -> None:
    for owner, kind, value in found.links:
        rdtype = dns.rdatatype.from_text(kind)
        text = f"{value.rstrip('.')}." if kind == "CNAME" else value
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
        rrset = response.find_rrset(response.answer, dns.name.from_text(owner), dns.rdataclass.IN, rdtype, create=True)
        rrset.add(rdata, ttl=TTL_SECONDS)
