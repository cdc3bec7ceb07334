"""Which AWS account and endpoint do the clients speak to?"""

from __future__ import annotations

from functools import cached_property

import boto3
from botocore.config import Config

from .dns import Dns
from .ecs import Ecs
from .failures import wrapped
from .health import Health
from .images import Images
from .metrics import Metrics
from .parameters import Parameters
from .pricing import ENDPOINT_REGION, Pricing
from .schedules import Schedules
from .secrets import Secrets
from .stacks import Stacks

# Standard mode backs off with jitter and retries throttling, timeouts and 5xx; a rehearsal's endpoint answers in ms.
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=60,
    user_agent_extra="offramp",
)


class Clients:
    """All AWS clients of a migration, made on first use.

    ``endpoint_url`` stands for every service when it is given (a rehearsal); otherwise the endpoints of ``region`` are used.
    Credentials come from where boto3 finds them, or from ``profile``.
    """

    def __init__(self, region: str, endpoint_url: str | None = None, *, profile: str | None = None) -> None:
        self.region = region
        self._endpoint = endpoint_url
        self._session = boto3.Session(region_name=region, profile_name=profile)

    @cached_property
    def stacks(self) -> Stacks:
        return Stacks(self._session.client("cloudformation", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def ecs(self) -> Ecs:
        return Ecs(self._session.client("ecs", endpoint_url=self._endpoint, config=_CONFIG), self.region)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self._session.client("secretsmanager", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def parameters(self) -> Parameters:
        return Parameters(self._session.client("ssm", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def dns(self) -> Dns:
        return Dns(self._session.client("route53", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self._session.client("cloudwatch", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def health(self) -> Health:
        return Health(self._session.client("elbv2", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def images(self) -> Images:
        return Images(self._session.client("ecr", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(self._session.client("scheduler", endpoint_url=self._endpoint, config=_CONFIG))

    @cached_property
    def pricing(self) -> Pricing:
        """The price list of every region, which AWS keeps in a few regions only."""
        return Pricing(
            self._session.client("pricing", region_name=ENDPOINT_REGION, endpoint_url=self._endpoint, config=_CONFIG),
            self._session.client(
                "savingsplans", region_name=ENDPOINT_REGION, endpoint_url=self._endpoint, config=_CONFIG
            ),
        )

    def account(self) -> str:
        """Return the number of the account that the credentials belong to.

        Raises CredentialsRejectedError or UnreachableError.
        """
        client = self._session.client("sts", endpoint_url=self._endpoint, config=_CONFIG)
        with wrapped("ask which account these credentials belong to"):
            return str(client.get_caller_identity()["Account"])
