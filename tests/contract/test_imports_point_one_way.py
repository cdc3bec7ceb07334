"""Do the import contracts hold, and would each of them notice a violation?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Tree:
    """A copy of the source that may be spoiled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "src" / "offramp", folder / "offramp", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder / "pyproject.toml")

    def plant(self, path: str, line: str) -> None:
        """Add a line at the end of a module, or make the module."""
        with (self.folder / "offramp" / path).open("a") as file:
            file.write(f"\n{line}\n")

    def lint(self, *contracts: str) -> tuple[int, str]:
        """Check all contracts, or those named, and return the exit status and the output."""
        chosen = [word for contract in contracts for word in ("--contract", contract)]
        done = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", *chosen],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_contracts_hold(tree: Tree) -> None:
    status, output = tree.lint()

    assert status == 0, output
    assert "0 broken" in output


PLANTED = {
    "a client that imports a stage": ("layers", "heroku/__init__.py", "from .. import discover"),
    "the engine importing a client": ("layers", "engine/run.py", "from .. import aws"),
    "one client importing another": ("layers", "aws/__init__.py", "from .. import heroku"),
    "an earlier stage importing a later one": ("layers", "provision/__init__.py", "from ..cutover import model"),
    "a stray module at the top": ("layers", "helpers.py", "HELP = 1"),
    "a late import inside a function": ("layers", "kit/clock.py", "def late() -> None:\n    from .. import errors"),
    "the command line opening a database": ("verbs", "cli/asking.py", "import psycopg"),
    "the command line looking into a stage": ("verbs", "cli/asking.py", "from ..replicate import model"),
    "a double that learns from the client": ("doubles", "rehearsal/__init__.py", "from .. import heroku"),
    "a double that knows the engine": ("doubles", "rehearsal/__init__.py", "from ..engine import run"),
    "a client that reads settings": ("clients", "aws/__init__.py", "from .. import settings"),
    "a pump that knows AWS": ("data-plane", "pump/__init__.py", "from .. import aws"),
    "a judge that tells the time": ("pure", "replicate/judge.py", "import time"),
    "a judge that asks the world": ("pure", "cutover/judge.py", "from .. import tools"),
    "a model that reads files": ("pure", "replicate/model.py", "import os"),
    "a judge that starts processes by a detour": ("pure", "replicate/judge.py", "from ..kit import processes"),
    "a kit that needs a driver": ("kit", "kit/clock.py", "import psycopg"),
    "a stage that uses another's look": ("drawers-of-replicate", "cutover/look.py", "from ..replicate import look"),
    "a cycle": ("cycles", "engine/verdict.py", "from . import run"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_noticed(tree: Tree, what: str) -> None:
    contract, path, line = PLANTED[what]
    tree.plant(path, line)

    status, output = tree.lint(contract)

    assert status == 1, output
    assert "1 broken" in output
