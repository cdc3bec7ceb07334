"""How does the pooler run, and how does the controller tell it to take a new target?

``POST /rewrite`` reads the secret again and rewrites PgBouncer's configuration; whoever asks makes PgBouncer read it, by its console
(``Console.release``). ``GET /state`` says what is served: ``{"digest": .., "databases": {name: side}}``. Both want the control token
as a bearer token.
"""

from __future__ import annotations

import hmac
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import psycopg

from ..errors import OfframpError, OutsideError
from ..kit import processes
from ..kit.secret import Secret
from ..postgres import Console
from . import config as configs
from .config import PoolerConfig, Target

# How often Heroku is asked whether it rotated a credential; the old one stays good for a while, so seconds are enough.
REFRESH_SECONDS = 5.0
START_SECONDS = 10.0
KNOCK_SECONDS = 5

Fetch = Callable[[], Secret]
Resolve = Callable[[str, str], Secret]
Log = Callable[..., None]


class Pooler:
    """One PgBouncer process and the document it serves."""

    def __init__(
        self, *, fetch: Fetch, resolve: Resolve | None, folder: Path, address: str, port: int, binary: Path, log: Log
    ) -> None:
        self._fetch, self._resolve, self._log = fetch, resolve, log
        self._folder, self._address, self._port, self._binary = folder, address, port, binary
        self._writing = threading.Lock()
        self._served: PoolerConfig | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def served(self) -> PoolerConfig:
        assert self._served is not None, "start() comes first"
        return self._served

    @property
    def pid(self) -> int:
        """PgBouncer's process."""
        assert self._process is not None, "start() comes first"
        return self._process.pid

    def start(self) -> None:
        """Write the configuration and start PgBouncer."""
        self.take_document()
        ini = self._folder / "pgbouncer.ini"
        user = processes.server_user()  # PgBouncer refuses to run as root.
        self._process = subprocess.Popen(
            [self._binary, "-q", ini],
            stdin=subprocess.DEVNULL,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        if self.served.held:
            self._hold(self.served)

    def _hold(self, document: PoolerConfig) -> None:
        """Keep clients of a switch that is under way waiting: PgBouncer itself forgets a PAUSE when it ends.

        Discovery sends no client here before this has been done, since the task is not well before its door answers.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self._console() as console:
                    for name in document.held:
                        self._knock(name)
                        console.pause(name)
                break
            except OutsideError as error:
                if time.monotonic() > deadline:
                    raise
                self._log("not answering yet", because=error.message)
                time.sleep(0.05)
        self._log("held", databases=list(document.held))

    def _knock(self, name: str) -> None:
        """Come in as an application does. Who comes later finds PgBouncer knowing what a server says in greeting.

        As long as it does not know, it begins a login for each newcomer, even while it is paused, and cuts it off at once.
        """
        url = self._url(name, self.served.clients[name], name)
        try:
            psycopg.connect(url.reveal(), connect_timeout=KNOCK_SECONDS, sslmode="disable").close()
        except psycopg.Error as error:
            self._log("nobody gets in yet", database=name, because=type(error).__name__)

    def _console(self) -> Console:
        return Console(self._url(self.served.admin_user, self.served.admin_password, "pgbouncer"))

    def _url(self, user: str, password: Secret, database: str) -> Secret:
        name, word = quote(user, safe=""), quote(password.reveal(), safe="")
        return Secret(f"postgres://{name}:{word}@{self._address}:{self._port}/{quote(database, safe='')}")

    def take_document(self) -> str:
        """Read the secret and rewrite the files; return the document's digest. What runs goes on as it was."""
        with self._writing:
            wanted = configs.parse(self._fetch().reveal())
            # Writers may be waiting: what we serve already is as fresh as the last refresh, and who pointed a database elsewhere
            # has just asked Heroku himself.
            self._write(self._known(wanted) if self._served else self._resolved(wanted))
            return configs.digest(wanted)

    def refresh(self) -> None:
        """Ask Heroku for the present URLs and reload if one of them changed."""
        with self._writing:
            fresh = self._resolved(self.served)
            if fresh != self.served:
                self._log("credentials changed", databases=sorted(fresh.databases))
                self._write(fresh)
                self._reload()

    def _reload(self) -> None:
        """Make PgBouncer read its files. While a switch holds its clients, this is for whoever releases them."""
        if self.served.held:
            return
        try:
            with self._console() as console:
                console.reload()
        except OutsideError as error:
            self._log("the console does not answer, so PgBouncer is signalled", because=error.message)
            assert self._process is not None
            self._process.send_signal(signal.SIGHUP)

    def _known(self, wanted: PoolerConfig) -> PoolerConfig:
        """Return the document with every target that stays on Heroku as it was last resolved."""
        served = self.served.databases
        return replace(
            wanted,
            databases={
                name: served[name] if name in served and _same_source(served[name], target) else target
                for name, target in wanted.databases.items()
            },
        )

    def _resolved(self, wanted: PoolerConfig) -> PoolerConfig:
        """Return the document with every target on the Heroku side as Heroku knows it now."""
        databases = dict(wanted.databases)
        for name, target in databases.items():
            if target.side != "heroku" or target.source is None or self._resolve is None:
                continue
            try:
                databases[name] = target.at(self._resolve(*target.source))
            except OfframpError as error:
                # The last known URL is better than none; the next refresh asks again.
                self._log("source not resolved", database=name, because=error.message)
                if self._served and (known := self._served.databases.get(name)) and known.side == "heroku":
                    databases[name] = known
        return replace(wanted, databases=databases)

    def _write(self, document: PoolerConfig) -> None:
        ini = configs.render_ini(document, address=self._address, port=self._port, folder=str(self._folder))
        for name, text in (("pgbouncer.ini", ini), ("userlist.txt", configs.render_users(document))):
            part = self._folder / f"{name}.part"
            part.touch(mode=0o600)
            part.write_text(text)
            processes.give(part)
            part.rename(self._folder / name)
        self._served = document

    def state(self) -> dict[str, object]:
        """Return what is served, without secrets."""
        sides = {name: target.side for name, target in sorted(self.served.databases.items())}
        return {"databases": sides, "running": self._process is not None and self._process.poll() is None}

    def wait(self, stop: threading.Event) -> int:
        """Refresh until told to stop or PgBouncer ends; return its exit status."""
        assert self._process is not None
        while not stop.wait(REFRESH_SECONDS):
            if (status := self._process.poll()) is not None:
                return status
            self.refresh()
        # SIGINT lets transactions end and refuses new clients.
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _same_source(served: Target, wanted: Target) -> bool:
    return wanted.side == served.side == "heroku" and wanted.source is not None and wanted.source == served.source


def control_server(pooler: Pooler, address: str, port: int) -> ThreadingHTTPServer:
    """Return the control endpoint, bound and not yet serving."""

    class Door(BaseHTTPRequestHandler):
        def _allowed(self) -> bool:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return hmac.compare_digest(token, pooler.served.control_token.reveal())

        def _answer(self, status: int, body: dict[str, object]) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def do_GET(self) -> None:
            if self.path == "/healthz":
                return self._answer(200, {"ok": True})
            if not self._allowed():
                return self._answer(401, {"error": "the control token is wrong"})
            return self._answer(200, pooler.state())

        def do_POST(self) -> None:
            if not self._allowed():
                return self._answer(401, {"error": "the control token is wrong"})
            if self.path != "/rewrite":
                return self._answer(404, {"error": "there is only POST /rewrite"})
            try:
                return self._answer(200, {"digest": pooler.take_document(), **pooler.state()})
            except OfframpError as error:
                return self._answer(502, {"error": error.message})

        def log_message(self, *_: object) -> None:
            """Stay silent: the controller's journal has it."""

    return ThreadingHTTPServer((address, port), Door)
