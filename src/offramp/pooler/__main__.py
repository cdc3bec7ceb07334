"""``python -m offramp.pooler``: run the pooler from its secret until SIGTERM."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ..errors import OutsideError, UsageError
from ..heroku import Platform
from ..kit import processes
from ..kit.clock import SystemClock
from ..kit.secret import Secret
from .serve import Pooler, Resolve, control_server


def _log(event: str, **keys: object) -> None:
    print(json.dumps({"event": event, **keys}), flush=True)  # noqa: T201  A container's log is its stdout.


def _fetcher(name: str) -> Callable[[], Secret]:
    # Made once: making a client takes a tenth of a second, and writers wait while the secret is read in a switch.
    client = boto3.client("secretsmanager")

    def fetch() -> Secret:
        try:
            return Secret(client.get_secret_value(SecretId=name)["SecretString"])
        except (ClientError, BotoCoreError) as error:
            raise OutsideError(f"The secret {name} cannot be read: {error}") from error

    return fetch


def _resolver(environ: Mapping[str, str]) -> Resolve | None:
    """Return how to ask Heroku for a URL, or None when the task was given no token."""
    token, api = environ.get("HEROKU_API_KEY"), environ.get("HEROKU_API_URL", "https://api.heroku.com")
    if not token:
        return None
    # The reserve is the controller's business: the pooler must not wait for it.
    heroku = Platform(api, Secret(token), clock=SystemClock(), reserve=0)

    def resolve(app: str, config_var: str) -> Secret:
        found = heroku.config_vars(app).get(config_var)
        if found is None:
            raise OutsideError(f"The app {app} has no config var {config_var}.")
        return found

    return resolve


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run until SIGTERM; return PgBouncer's exit status."""
    parser = argparse.ArgumentParser(prog="python -m offramp.pooler", description=__doc__)
    parser.add_argument(
        "--secret", required=True, help="name of the Secrets Manager secret that holds the configuration"
    )
    parser.add_argument("--port", type=int, default=6432)
    parser.add_argument("--control-port", type=int, default=6433)
    options = parser.parse_args(arguments)
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise UsageError("PgBouncer is not installed in this image.", hint="Install the package pgbouncer.")
    address = environ.get("BIND_ADDRESS", "0.0.0.0")
    with tempfile.TemporaryDirectory(prefix="pooler-") as folder:
        processes.own_directory(Path(folder))
        pooler = Pooler(
            fetch=_fetcher(options.secret),
            resolve=_resolver(environ),
            folder=Path(folder),
            address=address,
            port=options.port,
            binary=Path(binary),
            log=_log,
        )
        pooler.start()
        door = control_server(pooler, address, options.control_port)
        threading.Thread(target=door.serve_forever, name="control", daemon=True).start()
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        _log("pooler started", port=options.port, control_port=options.control_port)
        return pooler.wait(stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
