"""What does a process keep on its disk and in its memory that another kind of container treats otherwise?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import sizes
from . import commands
from .kinds import Case, Kind, Rule, many, process_name
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject
from .pooling import lines_with
from .readings import MemorySeen

_DISK = Source("Heroku Dev Center, Dyno isolation: ephemeral filesystem; AWS, Fargate task storage 20 GB", "2026-11")
_MEMORY = Source("Heroku Dev Center, Error Codes R14 and R15; AWS, Fargate: no swap", "2026-11")

UPLOADS = Kind(
    "uploads-on-disk", Subject.DISK, Severity.FIRST, "Files that users upload are written to the dyno's disk",
    "Such files are gone at every restart, today at least daily. On AWS there are several tasks, and what one wrote the others never "
    "see: links to it fail by chance.", _DISK,
)  # fmt: skip
SQLITE = Kind(
    "database-on-disk", Subject.DISK, Severity.BLOCKS, "A database in a file on the dyno's disk",
    "Its rows are lost at every restart, on Heroku as on AWS, and nothing moves them.", _DISK,
)  # fmt: skip
OVER_QUOTA = Kind(
    "memory-over-quota", Subject.MEMORY, Severity.FIRST, "More memory than the dyno has",
    "Heroku swaps when the quota is passed (R14) and kills at twice of it (R15). Fargate has no swap: a task is killed when it passes "
    "its limit.", _MEMORY,
)  # fmt: skip
GROWTH = Kind(
    "memory-grows", Subject.MEMORY, Severity.AFTER, "Memory that grows until the daily restart",
    "Heroku restarts every dyno at least once a day, which hides a slow leak; tasks on ECS run on until they reach their limit.",
    Source("Heroku Dev Center, Dyno restarts: automatic, at least daily", "2026-11"),
)  # fmt: skip
TOO_LARGE = Kind(
    "dyno-too-large", Subject.MEMORY, Severity.BLOCKS, "A dyno larger than Fargate's largest task",
    "A task on Fargate has 120 GB at most, so none is as large.", Source("AWS, Fargate task sizes; Heroku's dyno types", "2026-11"),
)  # fmt: skip
KINDS = (UPLOADS, SQLITE, OVER_QUOTA, GROWTH, TOO_LARGE)

_UPLOADS = re.compile(
    r"^\s*MEDIA_ROOT\s*=|FileSystemStorage|active_storage\.service\s*=\s*:local|storage\s+:file\b|multer\(\{\s*dest|diskStorage\(|"
    r"UPLOAD_FOLDER\s*[=\]]",
)
_ELSEWHERE = re.compile(
    r"S3Boto|S3Storage|django-storages|storages\.backends|cloudinary|GoogleCloudStorage|AzureStorage|service:\s*S3",
    re.IGNORECASE,
)
_ELSEWHERE_VARS = re.compile(r"^(AWS_STORAGE_BUCKET|S3_BUCKET|AWS_BUCKET|BUCKETEER_|CLOUDCUBE_|CLOUDINARY_)")
_SQLITE = re.compile(r"sqlite3?://|\.sqlite3?['\"]|adapter:\s*sqlite3|django\.db\.backends\.sqlite3")
_TESTS = re.compile(r"(^|/)(tests?|spec|docs?|examples?)/|(^|/)test_|conftest|\.md$")


def uploads(case: Case) -> Iterator[Finding]:
    """Only what the source says counts; a config var of an object store says that uploads go elsewhere."""
    for app in case.estate.apps:
        files = [file for file in case.readings.of_app(app.name) if not _TESTS.search(file.path)]
        if any(_ELSEWHERE.search(file.text) for file in files) or any(
            _ELSEWHERE_VARS.match(one.name) for one in app.config
        ):
            continue
        if lines := [line for file in files for line in lines_with(_UPLOADS, file.path, file.text)]:
            yield UPLOADS.found(
                [app.name],
                [line.partition(": ")[0] for line in lines],
                lines,
                Steps((
                    "Keep them in S3: django-storages, Active Storage's S3 service, multer-s3 or the like, with a bucket of your own.",
                    "Nothing has to be copied from the dynos: what was there before the last restart is gone.",
                )),
                certain=False,
            )  # fmt: skip


def sqlite(case: Case) -> Iterator[Finding]:
    """Settings often name SQLite for a developer's machine, so only an app without a database of its own is suspected."""
    attached = {place.partition(":")[0] for database in case.estate.databases for place in database.attached_to}
    for app in case.estate.apps:
        if app.name in attached or any(one.name.endswith("DATABASE_URL") for one in app.config):
            continue
        files = [file for file in case.readings.of_app(app.name) if not _TESTS.search(file.path)]
        if lines := [line for file in files for line in lines_with(_SQLITE, file.path, file.text)]:
            yield SQLITE.found(
                [app.name],
                [line.partition(": ")[0] for line in lines],
                [*lines, f"{app.name} has no database attached."],
                Commands((f"heroku addons:create heroku-postgresql:essential-0 -a {app.name}",)),
                certain=False,
            )


def over_quota(case: Case) -> Iterator[Finding]:
    codes = case.codes("R14", "R15")
    over = [one for one in case.readings.memory if one.peak_mb > one.quota_mb]
    for app in sorted({*(one.app for one in codes), *(one.app for one in over)}):
        peaks = [one for one in over if one.app == app]
        seen = [
            f"{one.app} {one.process or 'process'}: {one.code} {many(one.times, 'time')}."
            for one in codes
            if one.app == app
        ]
        seen += [f"{one.app} {one.process}: {one.peak_mb:,.0f} MB at most, of {one.quota_mb:,.0f}." for one in peaks]
        processes = [one.process for one in peaks] or [one.process for one in codes if one.app == app and one.process]
        yield OVER_QUOTA.found([app], [f"{app} {process}" for process in processes] or [app], seen, _bigger(app, peaks))


def _bigger(app: str, peaks: list[MemorySeen]) -> Mend:
    if not peaks:
        return Steps(
            (
                f"Turn on log-runtime-metrics (`heroku labs:enable log-runtime-metrics -a {app}`, which restarts the dynos), and give "
                "the tasks what it shows.",
            )
        )
    return Steps(tuple(
        f"Give {one.app}-{one.process} at least {one.peak_mb * 1.2:,.0f} MB in blueprint.toml (its peak and a fifth more)." for one in peaks
    ))  # fmt: skip


def too_large(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        for process in app.processes:
            if process.memory_mb > sizes.LARGEST_TASK_MB:
                yield TOO_LARGE.found(
                    [app.name],
                    [process_name(app, process)],
                    [f"{process_name(app, process)} runs on {process.size} ({process.memory_mb // 1024} GB)."],
                    Steps(("Run it on more, smaller dynos first.",)),
                )


def memory_growth(case: Case) -> Iterator[Finding]:
    """A process that would reach its quota within a week without the daily restart."""
    for one in case.readings.memory:
        growth = one.growth_mb_per_day or 0.0
        if growth <= 0 or one.peak_mb + 6 * growth <= one.quota_mb:
            continue
        yield GROWTH.found(
            [one.app],
            [f"{one.app} {one.process}"],
            [
                f"{one.app} {one.process} grows by {growth:,.0f} MB a day and had {one.peak_mb:,.0f} of {one.quota_mb:,.0f} MB at most."
            ],
            *_recycle(case, one),
        )


def _recycle(case: Case, seen: MemorySeen) -> Iterator[Mend]:
    command = next(
        (process.command for app, process in case.running() if (app.name, process.type) == (seen.app, seen.process)), ""
    )
    match commands.read(command).program:
        case "gunicorn":
            yield Commands((
                "# One variable holds all options: add --keep-alive here if it is set there too.",
                'heroku config:set GUNICORN_CMD_ARGS="--access-logfile - --max-requests 2000 --max-requests-jitter 200" '
                f"-a {seen.app}",
            ))  # fmt: skip
        case "celery":
            yield Steps(
                (
                    f"Add `--max-memory-per-child {seen.quota_mb * 512:.0f}` (in KB, half the quota) to the worker's command.",
                )
            )
        case _:
            yield Steps((
                f"Have {seen.app}-{seen.process} restarted nightly (`aws ecs update-service --force-new-deployment` replaces tasks one by "
                "one), until the leak is found.",
            ))  # fmt: skip


RULES: tuple[Rule, ...] = (uploads, sqlite, over_quota, memory_growth, too_large)
