"""Does the benchmark of the pump run from end to end, and does its results file keep what it did not measure?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from offramp.rehearsal.servers import programs

ROOT = Path(__file__).parents[2]
KEPT = "<!-- part: lag -->\n## Lag, measured before\n<!-- end: lag -->"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The results file after the smallest run of two parts, where Bucardo cannot be found."""
    if 15 not in programs.machine_postgres():
        pytest.skip("the benchmark's clusters are Debian's PostgreSQL 15, which is not on this machine")
    path = tmp_path_factory.mktemp("bench") / "RESULTS.md"
    path.write_text(f"# Results\n\n{KEPT}\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "bench.pump", "copy", "drain", "--smoke", "--peers", "offramp,bucardo",
            "--results", str(path),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path.read_text()


def row(results: str, part: str, label: str) -> list[str]:
    """The cells of one row of a part's table."""
    section = re.search(rf"<!-- part: {part} -->(.*?)<!-- end: {part} -->", results, re.DOTALL)
    assert section is not None, results
    lines = [line for line in section.group(1).splitlines() if line.startswith(f"| {label} |")]
    assert len(lines) == 1, section.group(1)
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


def test_the_copy_is_timed_beside_the_raw_limit_and_found_equal(results: str) -> None:
    cells = row(results, "copy", "offramp")

    assert cells[-1] == "same"
    assert float(cells[1].split()[0]) > 0
    assert float(cells[3]) > 0


def test_both_backlogs_drain_and_the_sides_are_equal(results: str) -> None:
    cells = row(results, "drain", "offramp")

    assert cells[-1] == "same"
    assert min(float(cell) for cell in cells[1:3]) > 0


def test_a_peer_that_is_not_installed_is_named(results: str) -> None:
    assert "not installed (bucardo" in row(results, "copy", "Bucardo 5.6")[1]


def test_sections_of_other_parts_are_kept(results: str) -> None:
    assert KEPT in results


def test_a_section_says_how_it_was_made_and_names_no_path_of_the_machine(results: str) -> None:
    made = re.findall(
        r"Made by `python -m bench\.pump copy drain --smoke .*`: PostgreSQL 15\.\d+.*, \d+ cores", results
    )

    assert len(made) == 2
    assert not re.findall(r"[ `](?:/\w+)+", results)
