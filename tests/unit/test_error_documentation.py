"""Does the page of error codes list every error there is, with its exit status?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

# The clients' modules may add branches to the tree; importing the journey grows it whole.
import offramp.journey  # noqa: F401
from offramp.errors import OfframpError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"


def tree(kind: type[OfframpError]) -> Iterator[type[OfframpError]]:
    for child in kind.__subclasses__():
        yield child
        yield from tree(child)


@pytest.mark.parametrize("kind", tuple(tree(OfframpError)), ids=lambda kind: kind.__name__)
def test_every_error_code_is_on_the_page(kind: type[OfframpError]) -> None:
    assert f"| `{kind.code}` | {kind.exit_status} |" in PAGE.read_text("utf-8")
