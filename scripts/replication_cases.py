#!/usr/bin/env python3
"""Writes docs/reference/replication-cases.md: every case of live replication that offramp answers for, and the test that holds it.

A test says in its docstring or in a comment which cases it holds (``A3``, ``K108``, ``O1``). ``--check`` writes nothing and fails when
the page is not what this would write.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "replication-cases.md"
NUMBER = re.compile(r"\b([A-O])(\d{1,3})\b")
CASES = ROOT / "scripts" / "replication-cases.txt"
HEAD = """# Cases of live replication

What a replicator that works by triggers has to get right, each with the tests that hold it. Written by `scripts/replication_cases.py`
from what the tests say of themselves; `tests/unit/test_replication_cases.py` fails when this page is behind. The servers of these tests
are real ones: 15 to 18 by default, 17 to 18 and 15 to 15 in the matrix of pairs. The source's role is an owner without superuser and
without REPLICATION, the target's is shaped like the master role of RDS.

The oracles, which share no code with the pump's own verification:

| | what is demanded |
|---|---|
| O1 | when all is quiet and drained, both sides hold the same multiset of typed rows, and sequences stand alike |
| O2 | each commit that a client was told of is at the target exactly once |
| O3 | at each target commit that could be seen while running, the target is a past moment of the source |
| O4 | no statement of the application failed or waited beyond its limit because of us |
| O5 | logs are emptied, and after removal nothing is left |
"""


class Case:
    """One case: its number, what it is about, why no test holds all of it, and tests that do not name it themselves."""

    def __init__(self, number: str, rest: str) -> None:
        self.number = number
        rest, _, self.why_not = rest.partition(" !! ")
        self.title, *named = rest.split(" @@ ")
        self.tests = tuple((file, name) for file, _, name in (each.strip().partition("::") for each in named))


def cases() -> tuple[tuple[str, tuple[Case, ...]], ...]:
    """Return the sections of the list with their cases. Lines: ``# section``, ``number title``, ``number title !! why not``, and
    ``number title @@ file::test`` for a test that does not name its case itself."""
    sections: list[tuple[str, list[Case]]] = []
    for line in CASES.read_text("utf-8").splitlines():
        if line.startswith("# "):
            sections.append((line[2:], []))
        elif line.strip():
            number, _, rest = line.partition(" ")
            sections[-1][1].append(Case(number, rest))
    return tuple((title, tuple(found)) for title, found in sections)


def tests() -> Iterator[tuple[str, str, str]]:
    """Yield (file, test, text) for every test function; ``text`` is its docstring and its comments."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        source = file.read_text("utf-8")
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                own = lines[node.lineno - 1 : node.end_lineno]
                comments = " ".join(line.partition("#")[2] for line in own if line.lstrip().startswith("#"))
                yield str(file.relative_to(ROOT)), node.name, f"{ast.get_docstring(node) or ''} {comments}"


def held() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return the tests of each case."""
    known: set[tuple[str, str]] = set()
    found: dict[str, list[tuple[str, str]]] = {}
    for file, name, text in tests():
        known.add((file, name))
        for letter, number in sorted(set(NUMBER.findall(text))):
            found.setdefault(letter + number, []).append((file, name))
    for _, listed in cases():
        for case in listed:
            if strays := set(case.tests) - known:
                raise SystemExit(f"{case.number} names tests that are not there: {sorted(strays)}")
            found.setdefault(case.number, []).extend(case.tests)
    return {number: tuple(dict.fromkeys(names)) for number, names in found.items() if names}


def page() -> str:
    """Return the page as it should be."""
    by_case = held()
    lines = [HEAD]
    for title, found in cases():
        lines += [f"\n## {title}\n", "| case | what | held by |", "|---|---|---|"]
        lines += [f"| {case.number} | {case.title} | {_answer(case, by_case)} |" for case in found]
    return "\n".join(lines) + "\n"


def _answer(case: Case, by_case: Mapping[str, tuple[tuple[str, str], ...]]) -> str:
    said = [f"[{_sentence(name)}](../../{file})" for file, name in by_case.get(case.number, ())]
    return "; ".join([*said, *([case.why_not] if case.why_not else [])])


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def unanswered() -> tuple[str, ...]:
    """Return the cases that neither a test holds nor a reason excuses."""
    by_case = held()
    return tuple(
        case.number for _, found in cases() for case in found if not case.why_not and case.number not in by_case
    )


def strangers() -> tuple[str, ...]:
    """Return numbers that tests name and the list does not know; O1 to O5 are oracles."""
    known = {case.number for _, found in cases() for case in found} | {f"O{n}" for n in range(1, 6)}
    return tuple(sorted(set(held()) - known))


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text("utf-8") != text)
    PAGE.write_text(text, "utf-8")
    if missing := unanswered():
        sys.stderr.write(f"No test and no reason: {', '.join(missing)}\n")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
