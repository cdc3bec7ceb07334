"""Which targets does the load balancer send requests to?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .failures import wrapped

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


@dataclass(frozen=True, slots=True)
class Target:
    """One registered address. ``state`` is AWS's word: ``initial``, ``healthy``, ``unhealthy``, ``draining``, ``unused``."""

    address: str
    port: int
    state: str
    reason: str = ""

    @property
    def healthy(self) -> bool:
        return self.state == "healthy"


class Health:
    """Elastic Load Balancing's opinion of targets."""

    def __init__(self, client: ElasticLoadBalancingv2Client) -> None:
        self._client = client

    def targets(self, target_group_arn: str) -> tuple[Target, ...]:
        """Return the registered targets, by address."""
        with wrapped("look at the load balancer's targets"):
            found = self._client.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
        return tuple(
            sorted(
                (
                    Target(
                        address=one["Target"]["Id"],
                        port=one["Target"].get("Port", 0),
                        state=one["TargetHealth"]["State"],
                        reason=one["TargetHealth"].get("Description", ""),
                    )
                    for one in found
                ),
                key=lambda target: target.address,
            )
        )
