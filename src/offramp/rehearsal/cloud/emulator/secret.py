"""How is ``AWS::SecretsManager::Secret`` made? With an ARN as its Ref, and a generated value that obeys what was asked.

ministack's own handler returns the name and ignores most of GenerateSecretString, so that passwords come out with quotes.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .registry import Handler, Made, Properties

DEFAULT_LENGTH = 32
# The set that Secrets Manager documents for ExcludePunctuation.
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def _asked(options: Mapping[str, Any], name: str) -> bool:
    return str(options.get(name, False)).lower() == "true"


def password(options: Mapping[str, Any]) -> str:
    """Generate a password as GetRandomPassword does; by default with one character of each included kind.

    >>> len(password({"PasswordLength": 40, "ExcludePunctuation": True}))
    40
    >>> password({"ExcludePunctuation": "true"}).isalnum()
    True
    """
    kinds = {
        "Lowercase": string.ascii_lowercase,
        "Uppercase": string.ascii_uppercase,
        "Numbers": string.digits,
        "Punctuation": PUNCTUATION,
    }
    left_out = set(options.get("ExcludeCharacters", ""))
    pools = [
        "".join(c for c in chars if c not in left_out)
        for kind, chars in kinds.items()
        if not _asked(options, f"Exclude{kind}")
    ]
    pools = [pool for pool in pools if pool]
    every = "".join(pools) + (" " if _asked(options, "IncludeSpace") else "")
    length = int(options.get("PasswordLength") or DEFAULT_LENGTH)
    each = (
        []
        if str(options.get("RequireEachIncludedType", True)).lower() == "false"
        else [secrets.choice(p) for p in pools]
    )
    chosen = each + [secrets.choice(every) for _ in range(length - len(each))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def value(properties: Properties) -> str:
    """Return the secret string that a template declares or asks to be generated."""
    options = properties.get("GenerateSecretString")
    if not options:
        return str(properties.get("SecretString", ""))
    generated = password(options)
    if template := options.get("SecretStringTemplate"):
        return json.dumps({**json.loads(template), options["GenerateStringKey"]: generated})
    return generated


def _settled(properties: Properties, text: str | None) -> Properties:
    plain = {name: each for name, each in properties.items() if name not in ("GenerateSecretString", "SecretString")}
    return plain if text is None else {**plain, "SecretString": text}


@dataclass(frozen=True, slots=True)
class Secret:
    """``AWS::SecretsManager::Secret``."""

    record: Handler

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        _refuse_taken(str(properties.get("Name", "")))
        _name, attributes = self.record.create(logical_id, _settled(properties, value(properties)), stack)
        return attributes["Id"], attributes

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        same = all(old.get(name) == new.get(name) for name in ("SecretString", "GenerateSecretString"))
        text = None if same else value(new)
        _name, attributes = self.record.update(name_of(physical_id), _settled(old, None), _settled(new, text), stack)
        return attributes["Id"], attributes

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.record.delete(name_of(physical_id), properties)


def _refuse_taken(name: str) -> None:
    """A stack must not write over a secret that it does not own. Raises ValueError."""
    from ministack.services import secretsmanager

    record = secretsmanager._secrets.get(name) if name else None
    if record and not record.get("DeletedDate"):
        raise ValueError(
            f'Resource handler returned message: "The operation failed because the secret {name} already exists."'
        )


def name_of(secret_arn: str) -> str:
    """Return a secret's name: its ARN ends with the name, a dash and six characters.

    >>> name_of("arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/pooler-a1b2c3")
    'demo/pooler'
    """
    return secret_arn.split(":", 6)[6][:-7]
