"""How is a real Valkey run, with a password and TLS as Heroku and ElastiCache have them?

The wheel's Valkey is built without TLS, so an Nginx stream listener terminates TLS in front of it.
"""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ...kit import processes
from . import certificates, programs
from .nginx import Nginx
from .ports import free_port, listening

_TLS_FRONT = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
stream {{
    server {{
        listen {host}:{port} ssl;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        proxy_pass 127.0.0.1:{inner};
        proxy_timeout 1h;
    }}
}}
"""


@dataclass
class Valkey:
    """One Valkey in ``folder``; with ``tls`` the plain port is only on 127.0.0.1 and clients use ``host:port``."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = False
    max_memory: str = "64mb"
    password: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _front: Nginx | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://:{self.password}@{self.host}:{self.port}"

    @property
    def pids(self) -> tuple[int, ...]:
        front = self._front.pid if self._front else None
        return tuple(pid for pid in (self._process.pid if self._process else None, front) if pid)

    def start(self) -> None:
        processes.own_directory(self.folder)
        self.port = self.port or free_port(self.host)
        inner = free_port() if self.tls else self.port
        host = "127.0.0.1" if self.tls else self.host
        settings = [
            f"bind {host}", f"port {inner}", f"requirepass {self.password}", f"dir {self.folder}", "appendonly yes",
            "appendfsync everysec", 'save ""', f"maxmemory {self.max_memory}", "maxmemory-policy noeviction",
        ]  # fmt: skip
        conf, log = self.folder / "valkey.conf", self.folder / "valkey.log"
        # The password stands in a file, not on the command line, where every user of the machine could read it.
        conf.touch(mode=0o600)
        conf.write_text("\n".join(settings) + "\n")
        processes.give(conf)
        self._process = processes.spawn([programs.valkey(), conf], log=log, as_server=True, cwd=self.folder)
        processes.wait_until(lambda: listening(host, inner), seconds=15, what=f"Valkey on {host}:{inner}")
        if self.tls:
            self._start_front(inner)

    def _start_front(self, inner: int) -> None:
        made = certificates.issue(self.folder / "tls", self.host, "localhost")
        folder = self.folder / "front"
        self._front = Nginx(
            folder,
            _TLS_FRONT.format(
                folder=folder, host=self.host, port=self.port, chain=made.chain, key=made.key, inner=inner
            ),
        )
        self._front.start()
        processes.wait_until(
            lambda: listening(self.host, self.port), seconds=15, what=f"TLS for Valkey on {self.host}:{self.port}"
        )

    def stop(self) -> None:
        if self._front:
            self._front.stop()
            self._front = None
        if self._process:
            processes.stop(self._process, seconds=5)
            self._process = None

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
