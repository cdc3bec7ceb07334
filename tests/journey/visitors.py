"""An application behind a real Nginx, and somebody who visits it: what does a browser see of a switch?

The application is in this process: each POST is one transaction through the pooler, and an error of the database is its answer.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import signal
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from offramp.kit import processes
from offramp.nginx import Site, render
from offramp.rehearsal.servers import ports
from offramp.rehearsal.servers.nginx import Nginx

HOST = "orders.example"
# What a visitor is told of who failed, when it was not the database.
GATEWAY = "gateway"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, App)
        token = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            with psycopg.connect(self.server.database, prepare_threshold=None) as conn:
                conn.execute("insert into entry (token, parent) values (%s, 1)", (token,))
            self._answer(201, {})
        except psycopg.Error as error:
            self._answer(503, {"state": error.sqlstate or "", "text": str(error).strip()})

    def _answer(self, status: int, told: dict[str, str]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class App(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, database: str) -> None:
        self.database = database
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: Nginx was killed while it waited for an answer."""


class Front:
    """The application and the gateway before it, with the configuration that offramp deploys."""

    def __init__(self, folder: Path, database: str) -> None:
        self.app = App(database)
        self.port = ports.free_port()
        conf = render([Site("orders", (HOST,), "127.0.0.1", self.app.server_address[1])], port=self.port)
        for placeholder, value in (
            ("${BIND_ADDRESS}", "127.0.0.1"),
            ("${DNS_RESOLVER}", "127.0.0.1:1"),
            ("${WORK}", str(folder)),
            ("/dev/stdout", str(folder / "access.log")),
        ):
            conf = conf.replace(placeholder, value)
        self.nginx = Nginx(folder, conf)

    def __enter__(self) -> Self:
        threading.Thread(target=self.app.serve_forever, daemon=True).start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.nginx.stop()
        self.app.shutdown()
        self.app.server_close()

    def start(self) -> None:
        self.nginx.start()
        processes.wait_until(lambda: ports.listening("127.0.0.1", self.port), seconds=10, what="Nginx")

    def kill(self) -> None:
        """Nginx dies, its workers with it."""
        assert self.nginx.pid is not None
        os.killpg(self.nginx.pid, signal.SIGKILL)
        self.nginx.stop()


class Visitor(threading.Thread):
    """Sends one write after the other through Nginx, and remembers what it was told of each."""

    prefix = "web"

    def __init__(self, port: int, database: str) -> None:
        super().__init__(name="visitor", daemon=True)
        self.port, self.database = port, database
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []
        self.errors: list[tuple[float, str, str]] = []
        self.halt = threading.Event()
        self._number = 0

    def run(self) -> None:
        while not self.halt.wait(0.02):
            self._number += 1
            token = f"{self.prefix}{self._number}"
            if failed := self._post(token):
                # A commit whose answer was lost may have happened.
                self.unknown.append(token)
                self.errors.append((time.monotonic(), *failed))
            else:
                self.acknowledged.append(token)

    def _post(self, token: str) -> tuple[str, str] | None:
        """Return who failed, by SQLSTATE or as ``GATEWAY``, and how; None for a write that was acknowledged."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST", "/entry", token.encode(), {"Host": HOST})
            answer = line.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return GATEWAY, f"{type(error).__name__}: {error}"
        finally:
            line.close()
        if answer.status == 201:
            return None
        if answer.status != 503:
            return GATEWAY, f"HTTP {answer.status}: {body[:200].decode(errors='replace')}"
        told = json.loads(body)
        return told["state"], told["text"]
