"""How does an add-on come to an app, change its credential, and go? Server, attachment, release."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field

from .. import catalogue, pids
from ..options import Options
from ..releases import Releases
from ..world import Addon, App, Attachment, World, free_name, now
from .postgres import HerokuPostgres, Login
from .redis import HerokuRedis

COLOURS = (
    "RED",
    "ORANGE",
    "YELLOW",
    "GREEN",
    "BLUE",
    "PURPLE",
    "PINK",
    "AMBER",
    "AQUA",
    "BRONZE",
    "COBALT",
    "COPPER",
    "GOLD",
    "GRAY",
    "IVORY",
    "JADE",
)
ADDON_USERS = {
    "heroku-postgresql": "heroku-postgresql@addons.heroku.com",
    "heroku-redis": "heroku-redis@addons.heroku.com",
}


@dataclass
class Addons:
    """Provisions add-ons for the world's apps."""

    world: World
    options: Options
    releases: Releases
    register: pids.Register
    _revoking: set[asyncio.Task[None]] = field(default_factory=set)

    async def create(self, app: App, plan: catalogue.Plan, name: str = "", *, by: str | None = None) -> Addon:
        """Start the server of a plan and attach it under ``name``, or under the service's usual name.

        ``by`` is who is told to have made the release; None makes none (when an estate is being set up).
        """
        addon_name = self.world.names.addon(plan.service)
        resource = self._resource(plan, addon_name)
        at = now()
        addon = Addon(
            id=self.world.names.uuid(), name=addon_name, app=app.name, plan=plan, provider_id=self.world.names.uuid(),
            resource=resource, created=at, updated=at, state="provisioning",
        )  # fmt: skip
        if resource:
            await asyncio.to_thread(resource.start)
            for pid in resource.pids:
                self.register.add(pid, f"add-on {addon_name}")
        addon.state = "provisioned"
        self.world.addons[addon_name] = addon
        attached = self.attach(app, addon, name)
        if by:
            self.releases.create(app, f"Attach {attached.name} (@ref:{addon_name})", by=by)
        return addon

    def attach(self, app: App, addon: Addon, name: str = "", namespace: str | None = None) -> Attachment:
        """Attach an add-on to an app under a free name."""
        service = catalogue.service(addon.plan.service)
        usual = name or (service.default_attachment if service else addon.plan.service.upper())
        kind = addon.plan.service.upper().replace("-", "_")
        taken = [one.name for one in self.world.attachments_of(app)]
        free = free_name(taken, usual, (f"{kind}_{colour}" for colour in COLOURS))
        attached = Attachment(self.world.names.uuid(), free, addon, app.name, namespace, now())
        self.world.attachments.append(attached)
        return attached

    def detach(self, attachment: Attachment, *, by: str) -> None:
        self.world.attachments.remove(attachment)
        app = self.world.apps[attachment.app]
        self.releases.create(app, f"Detach {attachment.name} (@ref:{attachment.addon.name})", by=by, phase=False)

    async def destroy(self, addon: Addon, *, by: str) -> None:
        """Take an add-on from every app, and its server and files from this machine."""
        attached = self.world.attached_to(addon)
        if isinstance(addon.resource, HerokuPostgres):
            # Nobody can look into it afterwards, and a proof must say what was left.
            self.world.deleted_databases[addon.name] = await asyncio.to_thread(addon.resource.census)
        addon.state, addon.updated = "deprovisioned", now()
        self.world.attachments = [one for one in self.world.attachments if one.addon is not addon]
        del self.world.addons[addon.name]
        for app_name in sorted({one.app for one in attached}):
            names = ", ".join(one.name for one in attached if one.app == app_name)
            self.releases.create(self.world.apps[app_name], f"Detach {names} (@ref:{addon.name})", by=by, phase=False)
        await self._stop(addon)
        await asyncio.to_thread(shutil.rmtree, self.options.directory / "addons" / addon.name, True)

    async def rotate(self, addon: Addon, database: HerokuPostgres) -> Login:
        """Give the apps a new login; the old one ends when its grace is over."""
        old = list(database.logins)
        fresh = await asyncio.to_thread(database.add_login, self.world.names)
        user = ADDON_USERS[addon.plan.service]
        for app in self.world.apps_using(addon):
            names = ", ".join(one.name for one in self.world.attachments_of(app) if one.addon is addon)
            self.releases.create(app, f"Update {names} by heroku-postgresql", by=user)
        for login in old:
            task = asyncio.create_task(self._revoke_later(database, login), name=f"revoke a login of {addon.name}")
            self._revoking.add(task)
            task.add_done_callback(self._revoking.discard)
        return fresh

    async def _revoke_later(self, database: HerokuPostgres, login: Login) -> None:
        await asyncio.sleep(self.options.timing.rotation_grace)
        if login in database.logins:
            await asyncio.to_thread(database.revoke, login)

    async def restart(self, addon: Addon, database: HerokuPostgres) -> None:
        """Restart the server of a database, as Heroku's maintenance does."""
        before = database.pids
        await asyncio.to_thread(database.restart)
        self.register.replace(before, database.pids, f"add-on {addon.name}")

    async def close(self) -> None:
        """Stop every server."""
        for task in self._revoking:
            task.cancel()
        await asyncio.gather(*self._revoking, return_exceptions=True)
        running = [addon for addon in self.world.addons.values() if addon.resource]
        ended = await asyncio.gather(*(self._stop(addon) for addon in running), return_exceptions=True)
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure

    async def _stop(self, addon: Addon) -> None:
        """Stop the server of an add-on and forget its pids."""
        if addon.resource:
            pids_before = addon.resource.pids
            await asyncio.to_thread(addon.resource.stop)
            self.register.remove(*pids_before)

    def _resource(self, plan: catalogue.Plan, name: str) -> HerokuPostgres | HerokuRedis | None:
        folder = self.options.directory / "addons" / name
        match plan.service:
            case "heroku-postgresql":
                return HerokuPostgres.create(plan, folder, self.world.names)
            case "heroku-redis":
                return HerokuRedis.create(plan, folder)
            case _:
                return None
