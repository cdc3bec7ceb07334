"""How does an estate's description become living applications?"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...errors import OutsideError, UsageError
from . import catalogue
from .dynos.launcher import fill_command, fill_environment
from .dynos.schedule import Schedule
from .estate import Attached, Described, DescribedApp, parse_procfile
from .platform import Platform
from .world import App, Coupling, FormationRow, Pipeline, Slug, now

_PLACEHOLDER = re.compile(r"\{(random|origin:([a-z0-9-]+))\}")
SCHEDULER_PLAN = "scheduler:standard"
FILL_SECONDS = 900


async def bring_up(platform: Platform, estate: Described) -> None:
    """Make the apps, their add-ons, config and first releases; fill the databases; start the dynos.

    Raises UsageError for what the description gets wrong, OutsideError when a release phase or the fill command fails.
    """
    _check(estate)
    apps = [(platform.create_app(described.name), described) for described in estate.apps]
    await asyncio.gather(*(_provision(platform, app, described) for app, described in apps))
    for app, described in apps:
        _furnish(platform, app, described)
    for app, described in apps:
        await _deploy(platform, app, described)
    _couple(platform, estate)
    if estate.fill and platform.options.rows is not None:
        await _fill(platform, estate, platform.options.rows)
    for app, described in apps:
        _start(platform, app, described)
    await asyncio.gather(*(_wait_up(platform, app) for app, _ in apps))


def _check(estate: Described) -> None:
    names = {app.name for app in estate.apps}
    for app in estate.apps:
        for attached in app.addons:
            if catalogue.plan(attached.plan) is None:
                raise UsageError(
                    f"App {app.name} asks for {attached.plan}, which the rehearsal's catalogue does not have."
                )
        for kind, row in app.formation.items():
            if catalogue.size(row.size) is None:
                raise UsageError(
                    f"Process {kind} of {app.name} asks for dyno size {row.size}, which Heroku does not have."
                )
        for name, value in app.config.items():
            for found in _PLACEHOLDER.finditer(value):
                if found[2] and found[2] not in names:
                    raise UsageError(f"{name} of {app.name} points at app {found[2]}, which the estate does not have.")


async def _provision(platform: Platform, app: App, described: DescribedApp) -> None:
    wanted = list(described.addons)
    if described.jobs and not any(attached.plan.startswith("scheduler") for attached in wanted):
        wanted.append(Attached(SCHEDULER_PLAN, ""))
    for attached in wanted:
        plan = catalogue.plan(attached.plan)
        assert plan
        addon = await platform.addons.create(app, plan, attached.name)
        platform.releases.create(app, f"Attach {addon.plan.service} (@ref:{addon.name})", by=platform.user)


def _furnish(platform: Platform, app: App, described: DescribedApp) -> None:
    app.buildpacks, app.features = described.buildpacks, described.features
    for hostname in described.domains:
        platform.add_domain(app, hostname)
    origins = {one.name: platform.origin(one) for one in platform.world.apps.values()}
    app.config = {name: expand(value, origins) for name, value in described.config.items()}
    if app.config:
        platform.releases.create(app, f"Set {', '.join(app.config)} config vars", by=platform.user)


def expand(value: str, origins: Mapping[str, str]) -> str:
    """Fill in the placeholders of a config var: ``{random}`` and ``{origin:APP}``.

    >>> expand("{origin:api}/v1", {"api": "http://api-1.herokuapp.com:8080"})
    'http://api-1.herokuapp.com:8080/v1'
    """
    return _PLACEHOLDER.sub(lambda found: origins[found[2]] if found[2] else secrets.token_urlsafe(38), value)


async def _deploy(platform: Platform, app: App, described: DescribedApp) -> None:
    """Build the slug and release it; the release phase runs with no dyno up yet."""
    slug = await asyncio.to_thread(
        build, described.slug, platform.options.directory / "slugs", platform.world.names.uuid()
    )
    at = now()
    for kind, command in slug.process_types.items():
        if kind != "release":
            size = described.formation[kind].size if kind in described.formation else "Standard-1X"
            found = catalogue.size(size)
            assert found
            app.formation[kind] = FormationRow(platform.world.names.uuid(), kind, command, 0, found.name, at, at)
    if lost := set(described.formation) - set(app.formation):
        raise UsageError(
            f"The Procfile of {app.name} has no process {', '.join(sorted(lost))}, which the formation names."
        )
    release = platform.releases.create(app, f"Deploy {slug.checksum[7:15]}", by=platform.user, slug=slug)
    await platform.releases.settled()
    if release.status != "succeeded":
        lines = [
            message.rendered() for message in platform.channels[app.name].tail if message.process.startswith("release.")
        ]
        raise OutsideError(f"The release phase of {app.name} failed.", hint="\n".join(["It said:", *lines[-20:]]))


def build(source: Path, slugs: Path, identity: str) -> Slug:
    """Copy an app's folder to where its dynos take it from."""
    folder = slugs / identity
    ignored = shutil.ignore_patterns("__pycache__", ".git", "node_modules", ".venv")
    shutil.copytree(source, folder, symlinks=False, ignore=ignored)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    types = parse_procfile((folder / "Procfile").read_text("utf-8"))
    return Slug(
        identity, folder, types, sum(path.stat().st_size for path in files), f"SHA256:{digest.hexdigest()}", now()
    )


def _couple(platform: Platform, estate: Described) -> None:
    world, at = platform.world, now()
    pipeline = Pipeline(world.names.uuid(), estate.pipeline, at)
    world.pipelines.append(pipeline)
    for app in world.apps.values():
        world.couplings.append(Coupling(world.names.uuid(), app, pipeline, "production", at, at))


async def _fill(platform: Platform, estate: Described, rows: int) -> None:
    """Run the estate's fill command to its end; its output goes to ``fill.log``."""
    log = platform.options.directory / "fill.log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *fill_command(estate.fill, rows, platform.options.seed),
            cwd=estate.folder, env=fill_environment(platform.world), stdin=asyncio.subprocess.DEVNULL,
            stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    platform.register.add(process.pid, "fill")
    try:
        status = await asyncio.wait_for(process.wait(), FILL_SECONDS)
    except BaseException:
        process.kill()
        raise
    finally:
        platform.register.remove(process.pid)
    if status:
        tail = log.read_text(errors="replace")[-2000:]
        raise OutsideError(f"The estate's fill command ended with {status}.", hint=f"Its output ends with:\n{tail}")


def _start(platform: Platform, app: App, described: DescribedApp) -> None:
    for kind, row in app.formation.items():
        row.quantity = described.formation[kind].quantity if kind in described.formation else int(kind == "web")
    platform.scale(app, list(app.formation.values()))
    schedule = Schedule(
        platform.crews[app.name],
        described.jobs,
        platform.options.timing.scheduler_scale,
        lambda: any(one.app == app.name and one.plan.service == "scheduler" for one in platform.world.addons.values()),
    )
    platform.schedules[app.name] = schedule
    schedule.start()


async def _wait_up(platform: Platform, app: App) -> None:
    """Wait until every dyno is up. Raises OutsideError with the app's last lines when one crashes or is late."""
    crew, loop = platform.crews[app.name], asyncio.get_running_loop()
    deadline = loop.time() + platform.options.timing.boot
    while not all(place.dyno and place.dyno.state == "up" for place in crew.places.values()):
        crashed = any(place.dyno and place.dyno.state == "crashed" for place in crew.places.values())
        if crashed or loop.time() > deadline:
            lines = [message.rendered() for message in platform.channels[app.name].tail]
            raise OutsideError(
                f"The dynos of {app.name} did not come up.", hint="\n".join(["Its log ends with:", *lines[-20:]])
            )
        await crew.changed(0.5)
