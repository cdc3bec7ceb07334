"""What of a source does a scratch server need to plan alike: schema, sizes, statistics, settings; never a row.

The statistics hold values of rows (most common values, bounds of histograms), so no ``repr`` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import Shortfall

BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Origin:
    """The server and database that is planned for. ``version`` as ``server_version_num``."""

    version: int
    database: str
    role: str
    encoding: str
    collate: str
    ctype: str
    block_size: int

    @property
    def major(self) -> int:
        return self.version // 10000


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of the schema. ``rank`` orders the kinds: types before tables before indexes."""

    rank: int
    kind: str
    name: str
    ddl: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table's or an index's size, counts in rows. ``pages`` is its file's, in blocks of 8 KiB.

    ``kind`` is pg_class.relkind. ``height`` is a B-tree's levels above its leaves, None where it was not told by the source.
    """

    schema: str
    name: str
    kind: str
    method: str
    relpages: int
    reltuples: float
    all_visible: int
    pages: int
    height: int | None = None

    @property
    def full_name(self) -> tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One row of pg_stats, arrays as PostgreSQL prints them."""

    schema: str
    relation: str
    column: str
    inherited: bool
    null_frac: float
    avg_width: int
    n_distinct: float
    correlation: float | None
    common_values: str | None = field(repr=False)
    common_freqs: str | None = field(repr=False)
    bounds: str | None = field(repr=False)
    common_elements: str | None = field(repr=False)
    common_element_freqs: str | None = field(repr=False)
    element_counts: str | None = field(repr=False)
    range_lengths: str | None = field(repr=False)
    range_empty_frac: float | None = field(repr=False)
    range_bounds: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExtendedStatistics:
    """One object of ``create statistics``, as pg_stats_ext prints it."""

    schema: str
    name: str
    inherited: bool
    n_distinct: str | None
    dependencies: str | None
    keys: tuple[int, ...]
    """The source's column numbers."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole source without its rows. ``extensions`` are names and schemas; ``stand_ins`` the types that each would bring."""

    origin: Origin
    settings: tuple[tuple[str, str], ...]
    extensions: tuple[tuple[str, str], ...]
    stand_ins: tuple[tuple[str, str, str], ...]
    steps: tuple[Step, ...]
    relations: tuple[Relation, ...]
    statistics: tuple[ColumnStatistics, ...]
    extended: tuple[ExtendedStatistics, ...]
    shortfalls: tuple[Shortfall, ...]
