"""Make ``socket.getaddrinfo`` ask the DNS server in OFFRAMP_DNS, then whatever the machine would ask.

Python imports this module at start-up because its folder stands first in PYTHONPATH. It stands in for the resolver that a
VPC or a dyno's host would configure, which a process cannot have for itself alone. Standard library only: it runs inside the
application's interpreter, whatever is installed there.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import random
import socket
import struct
import sys
import time
from typing import Any

_ATTEMPTS = (0.5, 1.0, 2.0)
_MAXIMUM_TTL_SECONDS = 1.0


def _question(name: str, identifier: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("idna").split(b"."))
    return struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def _skip_name(packet: bytes, at: int) -> int:
    while True:
        length = packet[at]
        if length & 0xC0 == 0xC0:
            return at + 2
        if length == 0:
            return at + 1
        at += 1 + length


def _addresses(packet: bytes) -> list[str]:
    """Return the A records of an answer; raises ValueError unless the server answered NOERROR."""
    _identifier, flags, questions, answers, _, _ = struct.unpack("!HHHHHH", packet[:12])
    if flags & 0x000F:
        raise ValueError("the server has no such name")
    at = 12
    for _ in range(questions):
        at = _skip_name(packet, at) + 4
    found = []
    for _ in range(answers):
        at = _skip_name(packet, at)
        kind, _, _, length = struct.unpack("!HHIH", packet[at : at + 10])
        at += 10
        if kind == 1 and length == 4:
            found.append(socket.inet_ntoa(packet[at : at + 4]))
        at += length
    return found


def _ask(server: tuple[str, int], name: str) -> list[str]:
    identifier = random.randrange(65536)
    for seconds in _ATTEMPTS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.settimeout(seconds)
            try:
                channel.connect(server)
                channel.send(_question(name, identifier))
                packet = channel.recv(4096)
            except (TimeoutError, OSError):
                continue
            if packet[:2] == struct.pack("!H", identifier):
                return _addresses(packet)
    return []


def _numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def install(server_name: str) -> None:
    """Wrap ``socket.getaddrinfo``; names that the server does not know go to the original."""
    host, _, port = server_name.rpartition(":")
    server = (host, int(port))
    original = socket.getaddrinfo
    remembered: dict[str, tuple[float, list[str]]] = {}

    def addresses(name: str) -> list[str]:
        now = time.monotonic()
        until, known = remembered.get(name, (0.0, []))
        if now < until:
            return known
        try:
            known = _ask(server, name)
        except (ValueError, UnicodeError):
            known = []
        if known:
            remembered[name] = (now + _MAXIMUM_TTL_SECONDS, known)
        return known

    # The names, their order and their looseness are socket's own.
    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        plain = not name or _numeric(name) or name == "localhost" or family == socket.AF_INET6
        if plain or flags & socket.AI_NUMERICHOST:
            return original(host, port, family, type, proto, flags)
        found = list(addresses(name.rstrip(".").lower()))
        if not found:
            return original(host, port, family, type, proto, flags)
        random.shuffle(found)
        answers: list[Any] = []
        for address in found:
            answers += original(address, port, family, type, proto, flags)
        return answers

    socket.getaddrinfo = getaddrinfo


def _chain() -> None:
    """Run the sitecustomize that this one hides, if the interpreter has one."""
    here = __file__.rpartition("/")[0]
    others = [folder for folder in sys.path if folder != here]
    hidden = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if hidden and hidden.loader:
        hidden.loader.exec_module(importlib.util.module_from_spec(hidden))


if os.environ.get("OFFRAMP_DNS"):
    install(os.environ["OFFRAMP_DNS"])
_chain()
