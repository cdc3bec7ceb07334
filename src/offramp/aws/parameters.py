"""Where are small facts without secrets kept on AWS (which image has been released)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ..errors import OutsideError
from .failures import code_of, wrapped

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class Parameters:
    """SSM Parameter Store, standard tier."""

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def get(self, name: str) -> str | None:
        """Return the value, or None when there is no such parameter."""
        try:
            with wrapped(f"read the parameter {name}"):
                return self._client.get_parameter(Name=name)["Parameter"]["Value"]
        except OutsideError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "ParameterNotFound":
                return None
            raise

    def put(self, name: str, value: str) -> None:
        """Write the value over whatever was there."""
        with wrapped(f"write the parameter {name}"):
            self._client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
