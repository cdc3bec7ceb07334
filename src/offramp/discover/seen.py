"""What did one look at Heroku find, and which changes can follow from it?"""

from __future__ import annotations

from dataclasses import dataclass

from ..kit.secret import Secret
from .model import Estate


@dataclass(frozen=True, slots=True)
class Unreadable:
    """There is an ``estate.json``, but it cannot be read."""

    because: str


Kept = Estate | Unreadable | None
"""The estate on file; None when there is no file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The estate as it is on Heroku now, and as it is on file.

    ``salt`` is a fresh one, with which the fingerprints of ``found`` were made, while the directory has none. ``followers`` are
    databases that follow another one, ``foreign`` add-ons that are attached to an app of the estate but owned by one outside.
    """

    found: Estate
    kept: Kept
    salt: Secret | None = None
    followers: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeSalt:
    """Keep the random salt that the fingerprints were made with."""

    salt: Secret

    @property
    def title(self) -> str:
        return "draw the salt of the fingerprints (.salt)"


@dataclass(frozen=True, slots=True)
class WriteEstate:
    """Keep the estate as it was found."""

    estate: Estate

    @property
    def title(self) -> str:
        found = self.estate
        return (
            f"write estate.json: {len(found.apps)} apps, {len(found.databases)} databases, {len(found.caches)} caches"
        )


Deed = MakeSalt | WriteEstate
