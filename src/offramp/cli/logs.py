"""``offramp logs`` and ``offramp drain``: what the applications said, taken in and shown."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from ..kit.clock import SystemClock
from ..kit.secret import Secret
from ..telemetry import serving
from ..telemetry.importing import Progress
from ..telemetry.model import AppCoverage, Coverage, Imported, Line
from ..telemetry.store import Store
from . import options
from .shell import Answer, Shell

FOLDER = "logs"
SECRET = "OFFRAMP_DRAIN_SECRET"
PORT = 8514
FOLLOW_SECONDS = 0.5


def folder(shell: Shell) -> Path:
    """Return where the migration's logs are kept."""
    return shell.directory / FOLDER


@click.command(short_help="Take in logs, and show what they say.")
@click.option(
    "--app",
    "apps",
    multiple=True,
    metavar="APP",
    help="Only this app; say it again for more. With --import: whose lines they are.",
)
@click.option("--request", metavar="ID", help="Every line of one request, across all apps, in order.")
@click.option("--import", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Take in a saved log (heroku logs, Papertrail, a Logplex capture; packed with gzip or not).")  # fmt: skip
@click.option(
    "--last",
    "most",
    default=100,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Show so many of the latest lines.",
)
@click.option("--follow", is_flag=True, help="Go on showing lines as `offramp drain` takes them in, until Ctrl-C.")
@click.option(
    "--coverage", is_flag=True, help="Say what there is instead: lines by kind, what was lost, what could not be read."
)
@click.option("--name-drain", "named", nargs=2, metavar="TOKEN APP", help="Say whose lines come with a drain's token.")
@click.option("--keep-days", type=click.FloatRange(min=0), metavar="DAYS", help="Delete what is older.")
@click.option(
    "--keep-bytes",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="Delete the oldest until no more than this is left.",
)
@click.option(
    "--unredacted", is_flag=True, help="Keep e-mail addresses, tokens and internet addresses in what is imported now."
)
@options.as_json
@click.pass_obj
def logs(
    shell: Shell,
    apps: tuple[str, ...],
    request: str | None,
    files: tuple[Path, ...],
    most: int,
    follow: bool,
    coverage: bool,
    named: tuple[str, str] | None,
    keep_days: float | None,
    keep_bytes: int | None,
    unredacted: bool,
) -> Answer:
    """Show the latest lines of the applications' logs, or all lines of one request across applications.

    Lines come from `offramp drain`, or from files by --import. Nothing here talks to Heroku.
    """
    with Store(folder(shell), redacting=not unredacted) as store:
        if files:
            return _import(shell, store, files, apps)
        if named:
            store.name_drain(*named)
            return Answer(
                {"token": named[0], "app": named[1]},
                f"Lines of the drain {named[0]} are {named[1]}'s, earlier ones too.",
            )
        if keep_days is not None or keep_bytes is not None:
            return _retain(store, keep_days, keep_bytes)
        if coverage:
            found = store.coverage()
            return Answer(found.to_json(), _covered(found), hint="" if found.apps else _nothing(shell))
        if request:
            return _lines(shell, store.request(request), f"No line of {request} is kept.")
        shown = _lines(shell, store.lines(apps, most=most, last=True), "No line is kept.")
        return _follow(shell, store, apps, shown) if follow else shown


def _import(shell: Shell, store: Store, files: tuple[Path, ...], apps: tuple[str, ...]) -> Answer:
    if len(apps) > 1:
        raise click.UsageError("Name one --app with --import: whose lines the files hold.")

    def tell(progress: Progress) -> None:
        shell.say(f"{progress.path}: {progress.lines:,} lines")

    done = store.take(
        files, now=time.time(), app=apps[0] if apps else None, workers=os.cpu_count() or 1, progress=tell
    )  # fmt: skip
    return Answer(
        {"files": [each.to_json() for each in done]}, "\n".join(map(_imported, done)), next=("logs", "--coverage")
    )


def _imported(done: Imported) -> str:
    if done.already:
        return f"{done.path} was imported before; nothing was added."
    wrong = "".join(f"; {defect.count:,} {defect.name}" for defect in done.defects)
    return f"{done.path} ({done.form}): {done.lines:,} lines of {', '.join(done.apps) or 'nobody'}{wrong}."


def _retain(store: Store, keep_days: float | None, keep_bytes: int | None) -> Answer:
    seconds = None if keep_days is None else keep_days * 86_400
    done = store.retain(now=time.time(), max_age_seconds=seconds, max_bytes=keep_bytes)
    text = f"Deleted {done.files} files with {done.lines:,} lines, {_size(done.freed_bytes)}; {_size(done.kept_bytes)} are kept."
    return Answer(done.to_json(), text)


def _lines(shell: Shell, found: tuple[Line, ...], none: str) -> Answer:
    body = {"lines": [line.to_json() for line in found]}
    if not found:
        return Answer(body, none, hint=_nothing(shell))
    return Answer(body, "\n".join(map(str, found)))


def _follow(shell: Shell, store: Store, apps: tuple[str, ...], shown: Answer) -> Answer:
    if shell.json:
        raise click.UsageError("--follow has no end, and --json prints once at the end: leave one out.")
    click.echo(shown.text)

    def wait() -> bool:
        time.sleep(FOLLOW_SECONDS)
        return True

    for line in store.follow(apps, wait):
        click.echo(str(line))
    return Answer({}, "")


def _nothing(shell: Shell) -> str:
    return f"Lines are kept in {folder(shell)}. Bring some: `offramp logs --import FILE`, or receive them with `offramp drain`."


def _covered(found: Coverage) -> str:
    if not found.apps:
        return "No line is kept."
    total = f"{found.lines:,} lines of {len(found.apps)} apps in {found.files} files, {_size(found.stored_bytes)}"
    waiting = f"; {_size(found.waiting_bytes)} wait to be sealed" if found.waiting_bytes else ""
    torn = f"; {_size(found.torn_bytes)} were cut by a crash before they were acknowledged" if found.torn_bytes else ""
    return "\n".join([f"{total}{waiting}{torn}.", *map(_app, found.apps)])


def _app(app: AppCoverage) -> str:
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(at / 1e6)) for at in (app.first_us, app.last_us))
    kinds = ", ".join(f"{kind.count:,} {kind.name}" for kind in app.kinds)
    lost = f"\n  Heroku lost {app.lost:,} lines before they reached us." if app.lost else ""
    wrong = ", ".join(f"{defect.count:,} {defect.name}" for defect in app.defects)
    return f"{app.app}: {first} to {last} UTC: {kinds}.{lost}" + (
        f"\n  Not as they should be: {wrong}." if wrong else ""
    )


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


@click.command(short_help="Receive the applications' logs from Heroku.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Listen there; 0 takes any that is free.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address only.")
@click.option("--unredacted", is_flag=True, help="Keep e-mail addresses, tokens and internet addresses.")
@options.as_json
@click.pass_obj
def drain(shell: Shell, port: int, host: str, unredacted: bool) -> Answer:
    """Receive the applications' logs from Heroku's drains, until stopped by Ctrl-C or SIGTERM.

    Heroku must reach it by HTTPS: put your proxy in front, and set OFFRAMP_DRAIN_SECRET to a password of letters and figures. Then, per app:

      heroku drains:add https://offramp:SECRET@YOUR-HOST/APP --app APP
    """
    said = os.environ.get(SECRET, "")

    def ready(at: str, number: int) -> None:
        shell.say(f"Receiving at http://{at}:{number} into {folder(shell)}.")
        secret = f"${SECRET}" if said else "SECRET"
        shell.say(f'Per app: heroku drains:add "https://offramp:{secret}@YOUR-HOST/APP" --app APP')

    done = serving.run(
        folder(shell), host=host, port=port, secret=Secret(said) if said else None, clock=SystemClock(), redacting=not unredacted, ready=ready
    )  # fmt: skip
    body = {
        "requests": done.requests,
        "bytes": done.bytes,
        "repeated": done.repeated,
        "unauthorised": done.unauthorised,
        "unkept": done.unkept,
    }
    text = f"Stopped after {done.requests:,} requests, {_size(done.bytes)}; what was acknowledged is kept."
    return Answer(body, text, next=("logs", "--coverage"))
