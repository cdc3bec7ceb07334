"""Which indexes could help a statement? Read from its plan: what is filtered, joined and sorted by, table for table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from .facts import Facts, Index, Name, Table
from .plans import Node

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
# A column as EXPLAIN VERBOSE prints it: alias.column, in brackets with a cast where types differ, or inside lower() or upper().
_COLUMN = (
    rf"(?:(?P<call{{n}}>lower|upper)\()?\(?(?P<alias{{n}}>{_IDENTIFIER})\.(?P<column{{n}}>{_IDENTIFIER})"
    r"(?:\)::[a-z ]+(?:\(\d+\))?)?\)?"
)
_COMPARED = re.compile(_COLUMN.format(n="") + r" (?P<operator>=|<|>|<=|>=)(?= )")
_TURNED = re.compile(r"(?<= )(?P<operator>=|<|>|<=|>=) " + _COLUMN.format(n=""))
_NULL = re.compile(rf"\(?(?P<alias>{_IDENTIFIER})\.(?P<column>{_IDENTIFIER})\)? IS (?P<no>NOT )?NULL")
_SORT = re.compile(rf"^(?P<alias>{_IDENTIFIER})\.(?P<column>{_IDENTIFIER})(?P<desc> DESC)?(?: NULLS (?:FIRST|LAST))?$")
_OUTPUT = re.compile(rf"^(?P<alias>{_IDENTIFIER})\.(?P<column>{_IDENTIFIER})$")
MOST_EQUALITIES = 3
MOST_INCLUDED = 2
# A partial index pays when it leaves out most rows.
PARTIAL_SHARE = 0.3
# Below this a table fits on few pages whatever index it has (PgHero uses the same bound).
LEAST_ROWS = 500


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One column of an index, or ``lower``/``upper`` of one; ``sql`` as it stands in the DDL."""

    sql: str
    column: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.sql} desc" if self.descending else self.sql


@dataclass(frozen=True, slots=True)
class Candidate:
    """A B-tree that might be built.

    ``walked``: it begins with nothing that the statement filters by and only gives an order, walked until enough rows fit. What that
    costs depends on the constant: next to nothing for a usual one, the whole index for a rare one.
    """

    table: Name
    keys: tuple[Key, ...]
    include: tuple[str, ...] = ()
    predicate: str = ""
    walked: bool = field(default=False, compare=False)


@dataclass
class Use:
    """How one statement uses one table, an alias of it: by equality, by range, in which order, null or not, and what it reads."""

    equal: list[Key] = field(default_factory=list)
    ranged: list[Key] = field(default_factory=list)
    order: list[Key] = field(default_factory=list)
    predicates: list[tuple[str, str]] = field(default_factory=list)
    """Tests for null, as SQL, and their columns: the only conditions whose constants pg_stat_statements leaves in."""
    output: set[str] = field(default_factory=set)


_At = Callable[[str], Use | None]


def uses(plan: Node) -> Mapping[tuple[Name, str], Use]:
    """Return how the plan uses each table and alias."""
    tables = {
        _unquoted(node.alias): (node.schema, node.relation) for node in plan.walk() if node.relation and node.alias
    }
    found: dict[tuple[Name, str], Use] = {}

    def at(alias: str) -> Use | None:
        alias = _unquoted(alias)
        return found.setdefault((tables[alias], alias), Use()) if alias in tables else None

    for node in plan.walk():
        for condition in node.conditions:
            _read_condition(condition, at)
        for keys in (node.sort_keys, node.group_keys):
            _read_order(keys, at)
        if node.relation and node.operation == "":
            for text in node.output:
                if (match := _OUTPUT.match(text)) and (use := at(match["alias"])):
                    use.output.add(_unquoted(match["column"]))
    return found


def _read_condition(condition: str, at: _At) -> None:
    for match in (*_COMPARED.finditer(condition), *_TURNED.finditer(condition)):
        if use := at(match["alias"]):
            column, call = _unquoted(match["column"]), match["call"]
            key = Key(f"{call}({match['column']})" if call else match["column"], column)
            kind = use.equal if match["operator"] == "=" else use.ranged
            if key not in kind:
                kind.append(key)
    for match in _NULL.finditer(condition):
        if use := at(match["alias"]):
            test = f"{match['column']} is {'not ' if match['no'] else ''}null"
            use.predicates.append((test, _unquoted(match["column"])))


def _read_order(keys: Sequence[str], at: _At) -> None:
    matches = [_SORT.match(key) for key in keys]
    if not matches or any(match is None for match in matches):
        return
    found = [match for match in matches if match]
    if len({match["alias"] for match in found}) == 1 and (use := at(found[0]["alias"])) and not use.order:
        use.order.extend(Key(match["column"], _unquoted(match["column"]), bool(match["desc"])) for match in found)


def candidates(plan: Node, facts: Facts) -> Iterator[Candidate]:
    """Return the indexes worth trying for a statement, none that exists already as the beginning of another."""
    seen: set[Candidate] = set()
    for (name, _), use in uses(plan).items():
        table = facts.tables.get(facts.roots.get(name, name))
        if table is None or table.rows < LEAST_ROWS:
            continue
        for candidate in _of_table(table, use):
            if candidate not in seen and not any(covers(index, candidate) for index in table.indexes):
                seen.add(candidate)
                yield candidate


def _of_table(table: Table, use: Use) -> Iterator[Candidate]:
    equal = sorted(_orderable(table, use.equal), key=lambda key: -_distinct(table, key.column))[:MOST_EQUALITIES]
    ranged = [key for key in _orderable(table, use.ranged) if key not in equal]
    order = [key for key in _orderable(table, use.order) if key.column not in {each.column for each in equal}]
    if len(order) + sum(key.column in {each.column for each in equal} for key in use.order) < len(use.order):
        order = []
    shapes: list[tuple[Key, ...]] = [(key,) for key in (*equal, *ranged)]
    shapes += combinations(equal, 2)
    shapes += [tuple(equal)] if len(equal) > 2 else []
    tails = [tuple(order), *((key,) for key in ranged)]
    shapes += [(*head, *tail) for tail in tails if tail for head in ((), *((key,) for key in equal), tuple(equal))]
    filtered = {key.column for key in (*equal, *ranged)}
    for keys in dict.fromkeys(shape for shape in shapes if shape):
        walked = bool(filtered) and keys[0].column not in filtered
        yield Candidate(table.name, keys, walked=walked)
        rest = tuple(sorted(use.output - {key.column for key in keys}))
        if 0 < len(rest) <= MOST_INCLUDED:
            yield Candidate(table.name, keys, include=rest, walked=walked)
        for test, column in use.predicates:
            if kept_by(table, column, test) <= PARTIAL_SHARE and column not in {key.column for key in keys}:
                yield Candidate(table.name, keys, predicate=test, walked=walked)


def _orderable(table: Table, keys: Iterable[Key]) -> list[Key]:
    known = [key for key in keys if (column := table.columns.get(key.column)) and column.ordered]
    return list(dict.fromkeys(known))


def _distinct(table: Table, name: str) -> float:
    column = table.columns[name]
    return -column.distinct * table.rows if column.distinct < 0 else column.distinct


def kept_by(table: Table, name: str, test: str) -> float:
    """Return the part of the rows that a test for null keeps."""
    column = table.columns.get(name)
    if column is None:
        return 1.0
    return 1 - column.null_frac if test.endswith("not null") else column.null_frac


def covers(index: Index | Candidate, candidate: Candidate) -> bool:
    """Whether an existing index, or another candidate, begins with the candidate's columns, over all of its rows."""
    match index:
        case Index():
            if index.special or candidate.include or (index.predicate and index.predicate != candidate.predicate):
                return False
            return _begins(index.keys, index.descending, candidate.keys)
        case Candidate():
            if index.table != candidate.table or index.predicate not in ("", candidate.predicate):
                return False
            if not set(candidate.include) <= {*index.include, *(key.column for key in index.keys)}:
                return False
            return _begins([key.sql for key in index.keys], [key.descending for key in index.keys], candidate.keys)


def _begins(keys: Sequence[str], descending: Sequence[bool], wanted: Sequence[Key]) -> bool:
    if len(wanted) > len(keys) or [key.sql for key in wanted] != list(keys[: len(wanted)]):
        return False
    # A B-tree is walked either way, so only a mixture of directions matters.
    turns = {key.descending != has for key, has in zip(wanted, descending, strict=False)}
    return len(turns) == 1


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
