"""What is a Heroku Key-Value Store here? A real Valkey with a password and TLS that no ordinary bundle verifies."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...servers import valkey
from .. import catalogue
from ..names import password

TIMEOUT_SECONDS = 5.0
# Heroku's plans deny the customer what would change or stop the server.
DENIED = ("-config", "-shutdown", "-debug", "-replicaof", "-slaveof", "-module", "-failover", "-acl")


@dataclass(eq=False)
class HerokuRedis:
    """One cache on a server of its own. All methods block and are called on worker threads."""

    plan: catalogue.Plan
    server: valkey.Valkey

    @classmethod
    def create(cls, plan: catalogue.Plan, folder: Path) -> HerokuRedis:
        return cls(plan, valkey.Valkey(folder, tls=True, max_memory=f"{plan.memory_mb}mb", password=password()))

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def address(self) -> tuple[str, int]:
        return self.server.host, self.server.port

    @property
    def pids(self) -> tuple[int, ...]:
        return self.server.pids

    def start(self) -> None:
        self.server.start()
        self._ask("ACL", "SETUSER", "default", *DENIED)

    def stop(self) -> None:
        self.server.stop()

    def figures(self) -> Mapping[str, str]:
        """The server's INFO as a table."""
        lines = (line.partition(":") for line in self._ask("INFO").splitlines() if not line.startswith("#"))
        return {name: value for name, colon, value in lines if colon}

    def _ask(self, *words: str) -> str:
        """Send one command over TLS and return its answer: a status, or one bulk string."""
        context = ssl.create_default_context()
        # The certificate is self-signed, as Heroku's has been since December 2024.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, port = self.address
        with (
            socket.create_connection((host, port), TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
            secure.makefile("rwb") as stream,
        ):
            for command in (("AUTH", self.server.password), words):
                stream.write(_encode(command))
                stream.flush()
                kind, rest = (line := stream.readline())[:1], line[1:].strip()
                if kind == b"-":
                    raise RuntimeError(f"Valkey refused {command[0]}: {rest.decode()}")
                answer = stream.read(int(rest) + 2)[:-2] if kind == b"$" else rest
        return answer.decode("utf-8", "replace")


def _encode(words: tuple[str, ...]) -> bytes:
    r"""Encode a command for the wire.

    >>> _encode(("AUTH", "x"))
    b'*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n'
    """
    parts = (word.encode() for word in words)
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
