"""Which resource types does ministack not know? They are recorded, so that templates deploy, and do nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from ..wire import ACCOUNT
from .registry import Made, Properties, Registry

Attributes = Callable[[str, Properties], dict[str, str]]
Reference = Callable[[str, Properties], str]


def _identifier(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:17]}"


def _none(_physical_id: str, _properties: Properties) -> dict[str, str]:
    return {}


@dataclass
class Record:
    """A type whose resources exist only as a record: ``prefix`` or ``reference`` makes the id, ``attributes`` the rest."""

    prefix: str = ""
    attributes: Attributes = _none
    reference: Reference | None = None
    kept: dict[str, Properties] = field(default_factory=dict)

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        made = self.reference(logical_id, properties) if self.reference else _identifier(self.prefix)
        self.kept[made] = properties
        return made, self.attributes(made, properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        self.kept[physical_id] = new
        return physical_id, self.attributes(physical_id, new)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.kept.pop(physical_id, None)


def _named(attribute: str) -> Attributes:
    return lambda physical_id, _properties: {attribute: physical_id}


@dataclass
class ElasticAddresses:
    """Hands out documentation addresses (RFC 5737), one per elastic IP."""

    handed_out: int = 0

    def reference(self, _logical_id: str, _properties: Properties) -> str:
        self.handed_out += 1
        return f"203.0.113.{self.handed_out % 254 + 1}"


def _allocation(physical_id: str, _properties: Properties) -> dict[str, str]:
    return {"AllocationId": f"eipalloc-{physical_id.replace('.', '')}", "PublicIp": physical_id}


def _provider(_logical_id: str, properties: Properties) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/" + str(properties["Url"]).partition("//")[2]


def _target(_logical_id: str, properties: Properties) -> str:
    return f"{properties['ResourceId']}|{properties['ScalableDimension']}|{properties['ServiceNamespace']}"


def _policy(_logical_id: str, _properties: Properties) -> str:
    return f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:scalingPolicy:{uuid4()}"


def _alarm(logical_id: str, properties: Properties) -> str:
    return str(properties.get("AlarmName", logical_id))


def types() -> Mapping[str, Record]:
    """The eleven types that ministack 1.5.33 lacks."""
    return {
        "AWS::EC2::EIP": Record(attributes=_allocation, reference=ElasticAddresses().reference),
        "AWS::EC2::NatGateway": Record("nat", _named("NatGatewayId")),
        "AWS::EC2::FlowLog": Record("fl", _named("Id")),
        "AWS::EC2::SecurityGroupIngress": Record("sgr", _named("Id")),
        "AWS::IAM::OIDCProvider": Record(attributes=_named("Arn"), reference=_provider),
        "AWS::Route53::HealthCheck": Record("hc", _named("HealthCheckId")),
        "AWS::WAFv2::WebACLAssociation": Record("wafassoc"),
        "AWS::ApplicationAutoScaling::ScalableTarget": Record(attributes=_named("Id"), reference=_target),
        "AWS::ApplicationAutoScaling::ScalingPolicy": Record(attributes=_named("Arn"), reference=_policy),
        "AWS::CloudWatch::CompositeAlarm": Record(reference=_alarm),
        "AWS::Logs::QueryDefinition": Record("qd", _named("QueryDefinitionId")),
    }


def register(registry: Registry) -> None:
    """Add every type that ministack does not have itself."""
    for name, record in types().items():
        if name not in registry.handlers:
            registry.add(name, record)
