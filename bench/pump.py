"""``make bench-pump``: offramp's pump beside its peers and the physical limit, on the same clusters, in one go.

Parts: copy, capture, bulk, sustained, lag, drain, verify, memory, lost, steps, hold; all of them without a name. Each prints its table and
writes its own section of bench/RESULTS.md. Peers come from Debian (bench/setup installs them); one that is not there is named as such.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from . import report, stage
from .parts import PARTS
from .parts.following import FAILURES
from .peers import FOLLOWERS
from .plan import SMOKE, Plan

RESULTS = Path(__file__).parent / "RESULTS.md"
COPIERS = ("pgcopydb", "dump_restore")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m bench.pump", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    made.add_argument(
        "--smoke", action="store_true", help="everything tiny: shows that it runs, its figures mean nothing"
    )
    made.add_argument("--scale", type=int, help="pgbench scale of copy, verify and memory (100: 10 million rows)")
    made.add_argument("--live-scale", type=int, help="pgbench scale of the parts with load (20)")
    made.add_argument("--repeats", type=int, help="interleaved rounds (3)")
    made.add_argument("--seconds", type=int, help="length of a load (25)")
    made.add_argument("--capture-seconds", type=int, help="length of one run of the part capture (6)")
    made.add_argument("--capture-rounds", type=int, help="rounds of the part capture (6)")
    made.add_argument("--transactions", type=int, help="transactions of the part lost, in all (1,000,000)")
    made.add_argument("--peers", default="", help=f"only these, by commas: {', '.join((*names(), *COPIERS, 'slot'))}")
    made.add_argument("--results", type=Path, help="where to keep the tables; nowhere with --smoke unless named")
    return made


def names() -> tuple[str, ...]:
    return tuple(kind.name for kind in FOLLOWERS)


def told(arguments: Sequence[str]) -> list[str]:
    """The arguments as the section shows them: where the tables were kept is nobody's business.

    >>> told(["copy", "--results", "/somewhere", "--smoke"])
    ['copy', '--smoke']
    """
    hidden = {place + step for place, word in enumerate(arguments) if word == "--results" for step in (0, 1)}
    return [word for place, word in enumerate(arguments) if place not in hidden and not word.startswith("--results=")]


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan with what was asked for put in."""
    asked = {
        "scale": options.scale,
        "live_scale": options.live_scale,
        "repeats": options.repeats,
        "load_seconds": options.seconds,
        "capture_seconds": options.capture_seconds,
        "capture_rounds": options.capture_rounds,
        "lost_transactions": options.transactions,
    }
    plan = replace(
        SMOKE if options.smoke else Plan(), **{name: value for name, value in asked.items() if value is not None}
    )
    peers = tuple(word for word in options.peers.split(",") if word)
    return replace(plan, peers=peers)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure the parts one after the other; what fails is named at the end and does not stop the rest."""
    made = parser()
    options = made.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    unknown += [peer for peer in plan_of(options).peers if peer not in (*names(), *COPIERS, "slot")]
    if unknown:
        made.error(f"unknown: {', '.join(unknown)}")
    results = options.results or (None if options.smoke else RESULTS)
    command = " ".join(["python -m bench.pump", *told(arguments)])
    failed = measure(options.parts or list(PARTS), plan_of(options), environ, results, command)
    if failed:
        sys.stderr.write(f"Something failed in: {', '.join(failed)}.\n")
    return 1 if failed else 0


def measure(
    parts: Sequence[str],
    plan: Plan,
    environ: Mapping[str, str],
    results: Path | None,
    command: str,
    name: str | None = None,
) -> list[str]:
    """Run the parts on a stage of their own; ``name`` files the section of a single part under another one."""
    failed: list[str] = []
    with stage.opened(environ) as on:
        for part in parts:
            load = os.getloadavg()[0]
            try:
                section = PARTS[part](on, plan)
            except FAILURES as error:
                on.say(f"{part} failed: {error}")
                failed.append(part)
                continue
            made_by = report.conditions(command, on.versions(), datetime.now(UTC), load)
            print(f"{section.plain()}\n{made_by}\n", flush=True)
            if section.failures:
                failed.append(part)
            if results:
                report.keep(results, replace(section, part=name or section.part), made_by)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
