"""How do the two databases come to hold a few years of mentoring? Seeded, so that one seed always gives the same rows.

    python fill.py --rows 300000 --seed 1

reads MENTORS_API_DATABASE_URL and SESSIONS_API_DATABASE_URL, needs migrated and empty databases, and leaves filled ones alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import psycopg
from psycopg import sql

Value = str | int | None | list[str] | dict[str, object]
Row = Sequence[Value]

# Everything happens before this instant, except sessions that are still ahead.
TODAY = datetime(2026, 11, 1, tzinfo=UTC)
BLOCK = 2000
SKILLS = 120


def words(text: str) -> tuple[str, ...]:
    """Split a line of words.

    >>> words("one two")
    ('one', 'two')
    """
    return tuple(text.split())


FIRST = words("Ada Grace Linus Katherine Alan Barbara Dennis Frances Edsger Margaret Ken Radia Donald Hedy Tim Joan")
LAST = words(
    "Lovelace Hopper Nguyen Johnson Müller Okafor García Sato Kowalski Haddad O'Brien Ferreira Иванова Søndergaard"
)
TOPICS = words("python django postgresql career leadership testing security frontend data writing hiring architecture")
WORDS = words(
    "about after again answers because before build change clear code deploy design early every first found good growing "
    "habits help honest ideas keep learn listen little long measure mentor never often open people plan practice question "
    "read review ship simple small start steady steps talk team together tools understand weekly work write years"
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Lagos")


@dataclass(frozen=True)
class Table:
    """Rows for one table; ``sequence`` names the column whose sequence must go on after them."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]
    sequence: str | None = None


class Seeds:
    """What people, words and times look like."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sentences = [self._sentence() for _ in range(600)]

    def _sentence(self) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randint(5, 14))).capitalize() + "."

    def uuid(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def text(self, sentences: int) -> str:
        return " ".join(self.random.choices(self.sentences, k=sentences))

    def name(self) -> str:
        return f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"

    def past(self, days: float = 900) -> str:
        return self.moment(-self.random.random() * days)

    def moment(self, days: float) -> str:
        return (TODAY + timedelta(days=days)).isoformat(timespec="milliseconds")

    def favourite(self, of: int) -> int:
        """Return an index below ``of``; few are chosen often, most seldom, as with real mentors."""
        return min(int(self.random.paretovariate(1.1) - 1) * 7 % of, of - 1)


def mentors_tables(rows: int, seeds: Seeds) -> tuple[list[Table], list[str]]:
    """Return the tables of mentors-api, ``rows`` rows in all, and the mentors' ids."""
    mentors = max(rows // 20, 5)
    skills = min(SKILLS, mentors)
    links = min(3 * mentors, rows // 6)
    reviews = rows * 3 // 8
    views = max(rows - mentors - skills - links - reviews, 0)
    ids = [seeds.uuid() for _ in range(mentors)]
    return [
        Table("mentors_skill", ("id", "name"), ([n, f"Skill {n}"] for n in range(1, skills + 1)), "id"),
        Table(
            "mentors_mentor",
            ("id", "email", "name", "headline", "bio", "topics", "profile", "rate_cents", "joined_at"),
            (_mentor(n, mentor_id, seeds) for n, mentor_id in enumerate(ids)),
        ),
        Table(
            "mentors_mentor_skills",
            ("id", "mentor_id", "skill_id"),
            # Three neighbouring skills per mentor: distinct, as the unique constraint wants.
            ([n + 1, ids[n // 3], (n // 3 * 7 + n % 3) % skills + 1] for n in range(links)),
            "id",
        ),
        Table(
            "mentors_review",
            ("id", "mentor_id", "author", "stars", "text", "version", "created_at"),
            (_review(n, ids, seeds) for n in range(1, reviews + 1)),
            "id",
        ),
        Table("mentors_profileview", ("mentor_id", "at", "referrer"), (_view(ids, seeds) for _ in range(views))),
    ], ids


def _mentor(n: int, mentor_id: str, seeds: Seeds) -> Row:
    profile: dict[str, object] = {"languages": ["en", "de"][: 1 + n % 2], "years": 2 + n % 30, "links": {"site": None}}
    topics = seeds.random.sample(TOPICS, k=1 + n % 3)
    text = (seeds.text(1)[:150], seeds.text(4))
    return [mentor_id, f"Mentor{n}@example.org", seeds.name(), *text, topics, profile, 500 * (8 + n % 40), seeds.past()]


def _review(n: int, mentors: list[str], seeds: Seeds) -> Row:
    stars = seeds.random.choices((5, 4, 3, 2, 1), weights=(60, 25, 9, 4, 2))[0]
    author = f"mentee{seeds.random.randrange(1, 2000)}@example.org"
    return [n, mentors[seeds.favourite(len(mentors))], author, stars, seeds.text(2), 1, seeds.past()]


def _view(mentors: list[str], seeds: Seeds) -> Row:
    referrer = seeds.random.choice(("", "search", "newsletter", "a friend"))
    return [mentors[seeds.favourite(len(mentors))], seeds.past(), referrer]


def sessions_tables(rows: int, seeds: Seeds, mentors: list[str]) -> list[Table]:
    """Return the tables of sessions-api, ``rows`` rows in all."""
    mentees = max(rows // 15, 5)
    sessions = max(rows // 4, 5)
    jobs = sessions * 3 // 4
    notices = audits = jobs
    messages = max(rows - mentees - sessions - jobs - notices - audits, 0)
    ids = [seeds.uuid() for _ in range(sessions)]
    return [
        Table(
            "bookings_mentee",
            ("id", "email", "name", "timezone", "interests", "created_at"),
            (_mentee(n, seeds) for n in range(1, mentees + 1)),
            "id",
        ),
        Table(
            "bookings_session",
            (
                "id", "mentor_id", "mentee_id", "status", "starts_at", "minutes", "price_cents", "notes", "details",
                "version", "created_at",
            ),
            (_session(n, session_id, mentees, mentors, seeds) for n, session_id in enumerate(ids)),
        ),
        Table(
            "bookings_message",
            ("id", "session_id", "author", "text", "sent_at"),
            ([n, seeds.random.choice(ids), "Mentee", seeds.text(1), seeds.past()] for n in range(1, messages + 1)),
            "id",
        ),
        Table(
            "bookings_notification",
            ("id", "session_id", "kind", "body", "created_at"),
            ([n, ids[n - 1], "booking", {"job": n}, seeds.past()] for n in range(1, notices + 1)),
            "id",
        ),
        Table(
            "bookings_job",
            ("id", "kind", "session_id", "created_at", "done_at"),
            ([n, "booking", ids[n - 1], when, when] for n, when in zip(range(1, jobs + 1), _times(seeds), strict=False)),
            "id",
        ),
        Table(
            "bookings_auditentry",
            ("at", "kind", "session_id", "outcome"),
            ([seeds.past(), "booking", ids[n], "notified"] for n in range(audits)),
        ),
    ]  # fmt: skip


def _times(seeds: Seeds) -> Iterator[str]:
    while True:
        yield seeds.past()


def _mentee(n: int, seeds: Seeds) -> Row:
    interests = seeds.random.sample(TOPICS, k=n % 4)
    return [n, f"mentee{n}@example.org", seeds.name(), ZONES[n % len(ZONES)], interests, seeds.past()]


def _session(n: int, session_id: str, mentees: int, mentors: list[str], seeds: Seeds) -> Row:
    days = seeds.random.uniform(-800, 60)
    minutes = (30, 45, 60, 90)[n % 4]
    status = "confirmed" if days > 0 else "requested" if n % 200 == 0 else "held"
    details: dict[str, object] = {
        "channel": ("video", "phone")[n % 2],
        "goals": ["first steps", "code review"][: n % 3],
    }
    who = (mentors[seeds.favourite(len(mentors))], 1 + seeds.random.randrange(mentees))
    return [
        session_id, *who, status, seeds.moment(days), minutes, 100 * minutes, seeds.text(1), details, 1,
        seeds.moment(min(days, 0) - 7),
    ]  # fmt: skip


def text_of(value: Value) -> str:
    r"""Return a value in COPY's text format.

    >>> text_of(None), text_of("a\tb"), text_of(["x", "y"]), text_of({"k": "é"})
    ('\\N', 'a\\tb', '{"x","y"}', '{"k": "é"}')
    """
    if value is None:
        return "\\N"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        value = "{" + ",".join(f'"{item}"' for item in value) + "}"
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def copy(connection: psycopg.Connection, table: Table) -> int:
    """Copy the rows in, put the sequence behind them, and return how many there were."""
    count = 0
    name, columns = sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(name, columns)) as stream:
            rows = iter(table.rows)
            while block := list(islice(rows, BLOCK)):
                stream.write("".join("\t".join(map(text_of, row)) + "\n" for row in block))
                count += len(block)
        if table.sequence and count:
            cursor.execute("select setval(pg_get_serial_sequence(%s, %s), %s)", [table.name, table.sequence, count])
    return count


def fill(url: str, tables: list[Table]) -> int:
    """Fill one database in one transaction, refresh the planner's statistics, and return the number of rows."""
    with psycopg.connect(url) as connection:
        first = sql.SQL("select exists (select from {})").format(sql.Identifier(tables[0].name))
        if connection.execute(first).fetchone() == (True,):
            return 0
        count = sum(copy(connection, table) for table in tables)
        for table in tables:
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table.name)))
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description="Fill the example's databases with seeded rows.")
    parser.add_argument("--rows", type=int, default=300_000, help="rows over both databases")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    seeds = Seeds(wanted.seed)
    mine = wanted.rows * 2 // 5
    tables, mentors = mentors_tables(mine, seeds)
    total = fill(os.environ["MENTORS_API_DATABASE_URL"], tables)
    total += fill(os.environ["SESSIONS_API_DATABASE_URL"], sessions_tables(wanted.rows - mine, seeds, mentors))
    print(json.dumps({"rows": total, "seconds": round(time.monotonic() - began, 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
