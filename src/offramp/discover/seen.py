"""What did one look at Heroku find, and which changes can follow from it?"""

from __future__ import annotations

from dataclasses import dataclass

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

    ``salted`` is false while the directory has no salt: the fingerprints of ``found`` then mean nothing. ``followers`` are
    databases that follow another one, ``foreign`` add-ons that are attached to an app of the estate but owned by one outside.
    """

    found: Estate
    kept: Kept
    salted: bool
    followers: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeSalt:
    """Draw the random salt of the fingerprints."""

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
