"""``make bench``: the quick subset of ``make bench-pump``, offramp's initial copy of a million rows beside the raw pipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import pump
from .plan import Plan


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=int, default=10, help="pgbench scale; 10 is a million rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--results", type=Path, default=pump.RESULTS, help="where to keep the table")
    options = parser.parse_args(arguments)
    plan = Plan(scale=options.scale, repeats=options.repeats, peers=("offramp",))
    command = f'make bench ARGS="--scale {options.scale} --repeats {options.repeats}"'
    return 1 if pump.measure(["copy"], plan, environ, options.results, command, "quick") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
