"""How is an advised index written down, so that it can be pasted into a console without blocking writers?"""

from __future__ import annotations

import re

from .candidates import Candidate
from .facts import Index, Table

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
NAME_BYTES = 63


def quoted(name: str) -> str:
    """Return an identifier, in quotes when it needs them.

    >>> quoted("mentor_id"), quoted('Odd "Name')
    ('mentor_id', '"Odd ""Name"')
    """
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


def scratch(candidate: Candidate) -> str:
    """Return the statement for the scratch server, its name left open as ``{name}``."""
    return f"create index {{name}} on {_table(candidate)} {_body(candidate)}"


def name(candidate: Candidate) -> str:
    """Return a name that says what the index is over.

    >>> from .candidates import Key
    >>> name(Candidate(("public", "booking"), (Key("mentor_id", "mentor_id"), Key("starts_at", "starts_at", True))))
    'booking_mentor_id_starts_at_idx'
    """
    words = [candidate.table[1], *(key.column for key in candidate.keys), *(["partial"] if candidate.predicate else [])]
    text = re.sub(r"\W+", "_", "_".join(words)).lower()
    return f"{text.encode()[: NAME_BYTES - 4].decode(errors='ignore')}_idx"


def build(candidate: Candidate, table: Table) -> str:
    """Return what builds the index. A partitioned table takes one for each partition, then one that adopts them."""
    made = name(candidate)
    if not table.partitioned:
        return f"create index concurrently {made} on {_table(candidate)} {_body(candidate)};"
    lines = [f"create index {made} on only {_table(candidate)} {_body(candidate)};"]
    for number, leaf in enumerate(table.leaves, 1):
        part = f"{made[: NAME_BYTES - 6]}_{number}"
        where = f"{quoted(leaf.schema)}.{quoted(leaf.name)}"
        lines.append(f"create index concurrently {part} on {where} {_body(candidate)};")
        lines.append(f"alter index {quoted(candidate.table[0])}.{made} attach partition {quoted(leaf.schema)}.{part};")
    return "\n".join(lines)


def drop(index: Index) -> str:
    """Return what drops an index without blocking."""
    return f"drop index concurrently {quoted(index.schema)}.{quoted(index.name)};"


def _table(candidate: Candidate) -> str:
    return f"{quoted(candidate.table[0])}.{quoted(candidate.table[1])}"


def _body(candidate: Candidate) -> str:
    include = f" include ({', '.join(quoted(each) for each in candidate.include)})" if candidate.include else ""
    where = f" where {candidate.predicate}" if candidate.predicate else ""
    return f"({', '.join(str(key) for key in candidate.keys)}){include}{where}"
