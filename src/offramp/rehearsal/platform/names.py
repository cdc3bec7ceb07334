"""How does Heroku name things? Random words, numbers and hexadecimal, from one seeded source; secrets from another."""

from __future__ import annotations

import random
import secrets
import string
from dataclasses import dataclass, field
from uuid import UUID

_WORDS = (
    "amber",
    "angular",
    "aquatic",
    "clean",
    "concave",
    "contoured",
    "crystalline",
    "cubed",
    "curved",
    "cylindrical",
    "defined",
    "deep",
    "flat",
    "flexible",
    "fluffy",
    "globular",
    "graceful",
    "horizontal",
    "infinite",
    "parallel",
    "perpendicular",
    "pointy",
    "polished",
    "regular",
    "rigid",
    "round",
    "rugged",
    "shallow",
    "silhouetted",
    "sinuous",
    "slippery",
    "solid",
    "spherical",
    "symmetrical",
    "tapered",
    "tetrahedral",
    "transparent",
    "trapezoidal",
    "triangular",
    "vertical",
)
_PREFIX = {"heroku-postgresql": "postgresql", "heroku-redis": "redis"}


@dataclass
class Names:
    """A source of names; the same seed gives the same names, but never the same secrets."""

    seed: int
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def addon(self, service: str) -> str:
        return f"{_PREFIX.get(service, service)}-{self._random.choice(_WORDS)}-{self.number()}"

    def number(self) -> int:
        """A five-figure number, as in add-on names; four figures of it name one-off dynos."""
        return self._random.randrange(10_000, 99_999)

    def app_suffix(self) -> str:
        return f"{self._random.getrandbits(48):012x}"

    def dns_target(self) -> str:
        """The words before ``.herokudns.com`` that a custom domain must point at."""
        return f"{self._random.choice(_WORDS)}-{self._random.choice(_WORDS)}-{self._random.getrandbits(60):015x}"

    def role(self) -> str:
        return f"u{self._random.getrandbits(52):013x}"

    def database(self) -> str:
        return "d" + "".join(self._random.choices(string.ascii_lowercase + string.digits, k=13))


def password() -> str:
    """A password in Heroku's form: ``p`` and 64 hexadecimal figures."""
    return f"p{secrets.token_hex(32)}"


def api_token() -> str:
    return f"HRKU-{secrets.token_hex(16)}"
