"""How is a CloudFormation template put together, checked before AWS sees it, and compared with what is deployed?

Templates are YAML files beside the stage that writes them. Repeated parts (one database, one service) are stamped from their
own file: ``@Name@`` in a file is replaced by the value of that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ..errors import BugError

_TOKEN = re.compile(r"@([A-Za-z]+)@")

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that cfn-lint or a rule of ours has against a template. ``rule`` is its id, ``E3012`` say."""

    rule: str
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that differs between two templates; None means absent. Values are shown as JSON."""

    resource: str
    path: str
    before: str | None
    after: str | None


def read(package: str, name: str) -> str:
    """Return the text of the template file ``templates/NAME`` of ``package``."""
    return resources.files(package).joinpath("templates", name).read_text("utf-8")


def stamp(text: str, **values: str | int) -> str:
    """Replace each ``@Name@``. Raises BugError when a name has no value or a value has no name: both are typing errors.

    >>> stamp("Port: @Port@", Port=80)
    'Port: 80'
    """
    wanted = set(_TOKEN.findall(text))
    if wanted != set(values):
        raise BugError(f"The template and its values disagree about {', '.join(sorted(wanted ^ set(values)))}.")
    return _TOKEN.sub(lambda found: str(values[found.group(1)]), text)


def literal(value: str) -> str:
    """Return a YAML scalar that means exactly this text (a JSON string is one).

    >>> print(literal('say "hi": yes'))
    "say \\"hi\\": yes"
    """
    return json.dumps(value)


def identifier(*parts: str) -> str:
    """Return a CloudFormation logical id made of names.

    >>> identifier("mentors-api", "web")
    'MentorsApiWeb'
    """
    return "".join(word[:1].upper() + word[1:] for part in parts for word in re.split(r"[^A-Za-z0-9]+", part))


def parse(body: str) -> Json:
    """Return a template as plain data, intrinsic functions in their long form. Raises BugError when it is not YAML."""
    from cfnlint.decode.decode import decode_str  # As in ``faults``.

    template, errors = decode_str(body)
    if errors or template is None:
        raise BugError(f"A template cannot be read: {'; '.join(str(error.message) for error in errors)}.")
    plain: Json = json.loads(json.dumps(template, default=str))
    return plain


@lru_cache(maxsize=64)
def faults(body: str, region: str) -> tuple[Fault, ...]:
    """Run cfn-lint over a template and return its errors and warnings, in order. Takes about 0.6 s for a big one.

    Pure in its arguments, so the answers are kept: a run looks at the same template again and again.
    """
    # Imported here because it takes half a second, more than most commands need in all.
    from cfnlint.api import ManualArgs, lint

    found = lint(body, config=ManualArgs(regions=[region]))
    return tuple(
        Fault(match.rule.id, "/".join(str(step) for step in match.path or ()) or "template", match.message)
        for match in found
        if match.rule.id[0] in "EW"
    )


def differences(before: Json, after: Json) -> tuple[Difference, ...]:
    """Return every property that differs, resource by resource, in the order of their names."""
    old, new = resources_of(before), resources_of(after)
    return tuple(
        Difference(name, path or "(all)", was, will)
        for name in sorted({*old, *new})
        for path, was, will in _compare("", _properties(old.get(name)), _properties(new.get(name)))
    )


def resources_of(template: Json) -> Mapping[str, Json]:
    """Return a template's resources by logical id."""
    found = template.get("Resources", {})
    assert isinstance(found, dict)
    return found


def _properties(resource: Json | None) -> object:
    return None if resource is None else resource.get("Properties", {})


def _compare(path: str, before: object, after: object) -> Iterator[tuple[str, str | None, str | None]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _compare(f"{path}.{key}" if path else key, before.get(key), after.get(key))
        return
    yield path, _shown(before), _shown(after)


def _shown(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)
