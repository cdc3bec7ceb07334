"""Which scheduled jobs does AWS run, and are they switched on?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ..errors import OutsideError, RefusedError
from .failures import code_of, wrapped

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


class Schedules:
    """EventBridge Scheduler, default group."""

    def __init__(self, client: EventBridgeSchedulerClient) -> None:
        self._client = client

    def enabled(self, name: str) -> bool | None:
        """Return whether the schedule runs, or None when there is no such schedule."""
        try:
            with wrapped(f"look at the schedule {name}"):
                return self._client.get_schedule(Name=name)["State"] == "ENABLED"
        except OutsideError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "ResourceNotFoundException":
                return None
            raise

    def switch(self, name: str, *, on: bool) -> None:
        """Switch a schedule on or off; everything else about it stays. Raises RefusedError when there is no such schedule."""
        if self.enabled(name) is None:
            raise RefusedError(f"There is no schedule {name}.", hint="Run `offramp run --until deploy` first.")
        with wrapped(f"switch the schedule {name}"):
            held = self._client.get_schedule(Name=name)
            self._client.update_schedule(
                Name=name,
                ScheduleExpression=held["ScheduleExpression"],
                ScheduleExpressionTimezone=held.get("ScheduleExpressionTimezone", "UTC"),
                FlexibleTimeWindow=held["FlexibleTimeWindow"],
                Target=held["Target"],
                Description=held.get("Description", ""),
                State="ENABLED" if on else "DISABLED",
            )
