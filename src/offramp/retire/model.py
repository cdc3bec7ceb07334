"""What is left on Heroku, and what must go?"""

from __future__ import annotations

from dataclasses import dataclass

from ..design.model import DatabasePlan
from ..replicate.model import Side


@dataclass(frozen=True, slots=True)
class DatabaseLeft:
    """One database's remains. ``heroku`` is whether its add-on still stands."""

    plan: DatabasePlan
    primary: Side
    """Where the pooler sends its clients."""
    heroku: bool
    backed_up: bool
    """Whether Heroku holds a finished backup that was taken after AWS became primary."""
    on_heroku: tuple[str, ...]
    """Objects of ours in the Heroku database."""
    on_aws: tuple[str, ...]
    """Objects of ours in the RDS database."""


@dataclass(frozen=True, slots=True)
class AddonLeft:
    app: str
    id: str
    name: str
    plan: str


@dataclass(frozen=True, slots=True)
class Seen:
    databases: tuple[DatabaseLeft, ...]
    running: tuple[tuple[str, str, int], ...]
    """App, process type and quantity of what still runs."""
    addons: tuple[AddonLeft, ...]
    heroku_share: int
    """Percent of the traffic that DNS still sends to Heroku."""
    monthly_cents: int
    """What the add-ons that are left cost."""


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    app: str
    processes: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"scale {self.app} to zero ({', '.join(self.processes)})"


@dataclass(frozen=True, slots=True)
class TakeBackup:
    """A last backup of a database on Heroku, kept until its add-on goes."""

    plan: DatabasePlan

    @property
    def title(self) -> str:
        return f"take a last backup of {self.plan.addon}"


@dataclass(frozen=True, slots=True)
class RemoveCapture:
    """Take every object of ours out of both sides of a database."""

    plan: DatabasePlan
    project: str

    @property
    def title(self) -> str:
        return f"remove capture, fence and records from both sides of {self.plan.name}"


@dataclass(frozen=True, slots=True)
class DeleteAddon:
    addon: AddonLeft

    @property
    def title(self) -> str:
        return f"delete the add-on {self.addon.name} of {self.addon.app} ({self.addon.plan})"


def names_of(plan: DatabasePlan) -> tuple[str, str]:
    """Return the names under which Heroku lists a database's backups: the add-on's and the attachment's."""
    return plan.addon, plan.config_var.removesuffix("_URL")


Deed = ScaleToZero | TakeBackup | RemoveCapture | DeleteAddon
