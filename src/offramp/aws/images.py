"""Which image repositories does the account have?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from ..errors import OutsideError
from .failures import code_of, wrapped


class Images:
    """Elastic Container Registry. The client is untyped: its stubs are not among our packages."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return those of ``names`` that are not repositories of this account."""
        return tuple(name for name in names if not self._exists(name))

    def _exists(self, name: str) -> bool:
        try:
            with wrapped(f"look at the image repository {name}"):
                return bool(self._client.describe_repositories(repositoryNames=[name])["repositories"])
        except OutsideError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "RepositoryNotFoundException":
                return False
            raise

    def create(self, name: str) -> None:
        """Create a repository that scans images when they arrive; no effect when it is there."""
        if self._exists(name):
            return
        with wrapped(f"create the image repository {name}"):
            self._client.create_repository(
                repositoryName=name,
                imageTagMutability="IMMUTABLE",
                imageScanningConfiguration={"scanOnPush": True},
            )
