"""Where do secret values live on AWS, and how are they read and written without being shown?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ..errors import OutsideError
from ..kit.secret import Secret
from .failures import code_of, wrapped

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class Secrets:
    """Secrets Manager."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client

    def get(self, name: str) -> Secret | None:
        """Return the current value, or None when there is no such secret."""
        try:
            with wrapped(f"read the secret {name}"):
                return Secret(self._client.get_secret_value(SecretId=name)["SecretString"])
        except OutsideError as error:
            if _absent(error):
                return None
            raise

    def put(self, name: str, value: Secret, *, description: str = "Written by offramp") -> None:
        """Create the secret, or give it a new version; no effect when it already holds this value."""
        held = self.get(name)
        if held is not None and held.reveal() == value.reveal():
            return
        with wrapped(f"write the secret {name}"):
            if held is not None or self.arn(name) is not None:
                self._client.put_secret_value(SecretId=name, SecretString=value.reveal())
            else:
                self._client.create_secret(Name=name, SecretString=value.reveal(), Description=description)

    def arn(self, name: str) -> str | None:
        """Return the secret's ARN, or None when there is no such secret."""
        try:
            with wrapped(f"look at the secret {name}"):
                return self._client.describe_secret(SecretId=name)["ARN"]
        except OutsideError as error:
            if _absent(error):
                return None
            raise

    def delete(self, name: str, *, recovery_days: int = 7) -> None:
        """Delete the secret after a time in which AWS can bring it back; no effect when it is not there."""
        if self.arn(name) is None:
            return
        with wrapped(f"delete the secret {name}"):
            self._client.delete_secret(SecretId=name, RecoveryWindowInDays=recovery_days)


def _absent(error: OutsideError) -> bool:
    cause = error.__cause__
    # A secret that is scheduled for deletion answers InvalidRequestException: to a reader it is gone.
    return isinstance(cause, ClientError) and code_of(cause) in ("ResourceNotFoundException", "InvalidRequestException")
