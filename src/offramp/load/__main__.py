"""How is the generator run from a command line?

python -m offramp.load run --traffic FILE --dns IP:PORT --http-port H --rate N --seed S --ledger FILE --samples FILE
python -m offramp.load summary SAMPLES
python -m offramp.load prove --traffic FILE --ledger FILE --database NAME=ENVIRONMENT_VARIABLE ...
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg

from ..errors import OfframpError, UsageError
from . import ledger, proof, samples, summary, traffic


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands and return the exit status: 0, 1 when a proof fails, or an error's own."""
    wanted = _parser().parse_args(arguments)
    try:
        status: int = wanted.command(wanted)
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m offramp.load", description="Traffic at a constant rate, and its proof."
    )
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="send traffic until SIGTERM, or until the stop file appears")
    run.set_defaults(command=_run)
    run.add_argument("--traffic", type=Path, required=True)
    run.add_argument("--dns", required=True, metavar="IP:PORT")
    run.add_argument("--http-port", type=int, required=True)
    run.add_argument("--rate", type=float, required=True, help="requests per second")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--ledger", type=Path, required=True)
    run.add_argument("--samples", type=Path, required=True)
    run.add_argument("--until-file", type=Path, help="stop when this file exists")
    run.add_argument("--seconds", type=float, help="stop after so many seconds")
    told = commands.add_parser("summary", help="summarise a file of samples")
    told.set_defaults(command=_summary)
    told.add_argument("samples", type=Path)
    prove = commands.add_parser("prove", help="compare a ledger with the databases")
    prove.set_defaults(command=_prove)
    prove.add_argument("--traffic", type=Path, required=True)
    prove.add_argument("--ledger", type=Path, required=True, action="append")
    prove.add_argument("--database", required=True, action="append", metavar="NAME=ENVIRONMENT_VARIABLE")
    return parser


def _run(wanted: argparse.Namespace) -> int:
    # Only sending needs aiohttp and dnspython, which an installation without the rehearsal does not have.
    from . import arrivals

    host, _, port = wanted.dns.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--dns is IP:PORT, not {wanted.dns!r}.")
    if wanted.rate <= 0:
        raise UsageError("--rate is more than 0.")
    plan = arrivals.Plan(
        traffic=traffic.load(wanted.traffic),
        dns=(host, int(port)),
        http_port=wanted.http_port,
        rate=wanted.rate,
        seed=wanted.seed,
        run=secrets.token_hex(4),
        ledger=wanted.ledger,
        samples=wanted.samples,
        seconds=wanted.seconds,
    )
    _allow_many_connections()
    asyncio.run(arrivals.send(plan, _stopped(wanted.until_file)))
    return _tell(summary.summary(samples.read(wanted.samples)))


def _stopped(until: Path | None) -> Callable[[], bool]:
    """Return a question: has somebody asked us to stop, by a signal or by a file?"""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))
    return lambda: bool(asked) or (until is not None and until.exists())


def _allow_many_connections() -> None:
    """An open loop holds a connection for every request that waits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))


def _summary(wanted: argparse.Namespace) -> int:
    return _tell(summary.summary(samples.read(wanted.samples)))


def _prove(wanted: argparse.Namespace) -> int:
    mix, writes = traffic.load(wanted.traffic), ledger.read(wanted.ledger)
    with ExitStack() as stack:
        connections = {}
        for pair in wanted.database:
            name, _, variable = pair.partition("=")
            if variable not in os.environ:
                raise UsageError(f"--database {pair}: there is no environment variable {variable!r}.")
            connections[name] = stack.enter_context(psycopg.connect(os.environ[variable], autocommit=True))
        rows, jobs = proof.prove_writes(writes, connections, mix), proof.prove_jobs(writes, connections, mix)
    sys.stdout.write(json.dumps({"writes": dataclasses.asdict(rows), "jobs": dataclasses.asdict(jobs)}) + "\n")
    return 0 if rows.good and jobs.good else 1


def _tell(told: summary.Summary) -> int:
    sys.stdout.write(json.dumps(dataclasses.asdict(told), ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
