"""What does a process type's command say about how it serves? Only what is written there; defaults are named by the rules."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

_WRAPPERS = (
    ("bundle", "exec"), ("poetry", "run"), ("pipenv", "run"), ("uv", "run"), ("python", "-m"), ("python3", "-m"),
    ("newrelic-admin", "run-program"), ("ddtrace-run",), ("opentelemetry-instrument",), ("exec",), ("npx",), ("yarn",), ("time",),
    ("bin/start-pgbouncer",), ("bin/start-pgbouncer-stunnel",), ("bin/start-nginx",), ("bin/start-stunnel",), ("env",),
)  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Command:
    """``program`` without its folder and without what wraps it; ``wrapped_by`` lists that; ``words`` are the arguments."""

    program: str
    words: tuple[str, ...]
    wrapped_by: tuple[str, ...] = ()

    def option(self, *names: str) -> str | None:
        """Return the value of the last of these options that is given.

        >>> read("gunicorn a.wsgi -w 3 --keep-alive=75 -k gthread").option("--keep-alive"), read("puma -t 1:5").option("-t")
        ('75', '1:5')
        >>> read("gunicorn -w3 a").option("-w", "--workers"), read("gunicorn a").option("-w")
        ('3', None)
        """
        found = None
        for place, word in enumerate(self.words):
            for name in names:
                if word == name and place + 1 < len(self.words):
                    found = self.words[place + 1]
                elif word.startswith(f"{name}=") and name.startswith("--"):
                    found = word.partition("=")[2]
                elif len(name) == 2 and word.startswith(name) and len(word) > 2 and not word.startswith("--"):
                    found = word[2:]
        return found

    def number(self, *names: str) -> int | None:
        """Return an option's value when it is written as a number, and not as a variable."""
        text = self.option(*names)
        return int(text) if text is not None and text.isdecimal() else None


def read(text: str) -> Command:
    """Take a command apart.

    >>> read("PYTHONUNBUFFERED=1 bundle exec bin/puma -C config/puma.rb")
    Command(program='puma', words=('-C', 'config/puma.rb'), wrapped_by=('bundle exec',))
    >>> read("bin/start-pgbouncer gunicorn shop.wsgi").wrapped_by
    ('bin/start-pgbouncer',)
    >>> read("").program
    ''
    """
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    wrapped: list[str] = []
    while words:
        if _ASSIGNMENT.match(words[0]):
            words = words[1:]
            continue
        wrapper = next((one for one in _WRAPPERS if tuple(words[: len(one)]) == one), None)
        if wrapper is None:
            break
        wrapped.append(" ".join(wrapper))
        words = words[len(wrapper) :]
    program = PurePosixPath(words[0]).name if words else ""
    return Command(program, tuple(words[1:]), tuple(wrapped))


def variables(text: str) -> tuple[str, ...]:
    """Return the environment variables that a command names.

    >>> variables("gunicorn a --bind 0.0.0.0:$PORT -w ${WEB_CONCURRENCY:-2}")
    ('PORT', 'WEB_CONCURRENCY')
    """
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def clients(text: str) -> int | None:
    """Return how many database connections one process of this command opens at most by its own options; None if not told.

    A worker's thread takes a connection of its own (Django, SQLAlchemy's and ActiveRecord's pools behave so).

    >>> clients("gunicorn a.wsgi --workers 2 --threads 4"), clients("gunicorn a.wsgi"), clients("celery -A a worker -c 8")
    (8, None, 8)
    >>> clients("bundle exec puma -w 2 -t 5:5"), clients("python manage.py work"), clients("sidekiq -c 25")
    (10, None, 25)
    """
    command = read(text)
    match command.program:
        case "gunicorn":
            workers = command.number("--workers", "-w")
            return None if workers is None else workers * (command.number("--threads") or 1)
        case "uvicorn" | "hypercorn" | "daphne":
            return command.number("--workers", "-w")
        case "celery":
            return command.number("--concurrency", "-c")
        case "sidekiq":
            return command.number("--concurrency", "-c")
        case "puma":
            workers, threads = command.number("--workers", "-w") or 1, command.option("--threads", "-t") or ""
            most = threads.rpartition(":")[2]
            return workers * int(most) if most.isdecimal() else None
        case _:
            return None
