"""Under which names does AWS's price list know each thing that offramp builds?

Usage types carry a region's prefix (``EUC1-NatGateway-Hours``), none in us-east-1, so they are matched by their end. Prices that are not
here stay as the book that came with the program has them: Fargate Spot is in no list, Route 53's zones are the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_PREFIX = r"(?:[A-Z]{2,4}\d{0,2}-)?"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One item of the book: products of ``code`` with these ``filters``, whose usage type ends so (a pattern).

    ``instance`` is compared with AWS's attribute ``instanceType`` where it is set. ``units`` of AWS's make one of ours.
    """

    service: str
    item: str
    code: str
    usage: str
    filters: tuple[tuple[str, str], ...] = ()
    instance: str = ""
    units: Decimal = Decimal(1)

    def matches(self, usage_type: str) -> bool:
        """
        >>> Lookup("VPC", "NAT-hour", "AmazonEC2", "NatGateway-Hours").matches("EU-NatGateway-Hours")
        True
        >>> Lookup("VPC", "NAT-hour", "AmazonEC2", "NatGateway-Hours").matches("EU-RegionalNatGateway-Hours")
        False
        """
        return re.fullmatch(_PREFIX + self.usage, usage_type) is not None


def place(code: str, region: str) -> Mapping[str, str]:
    """Return the filter for a region; data transfer is listed by where it comes from."""
    return {"fromRegionCode": region} if code == "AWSDataTransfer" else {"regionCode": region}


_FARGATE = tuple(
    Lookup("Fargate", f"{name} {unit}-hour", "AmazonECS", f"Fargate-{infix}{usage}")
    for name, infix in (("x86", ""), ("arm", "ARM-"))
    for unit, usage in (("vCPU", "vCPU-Hours:perCPU"), ("GB", "GB-Hours"))
)
_CLASSES = (
    *(f"db.t4g.{size}" for size in ("micro", "small", "medium", "large", "xlarge")),
    *(f"db.m7g.{size}" for size in ("large", "xlarge", "2xlarge")),
    *(f"db.r7g.{size}" for size in ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")),
    *(f"db.r8g.{size}" for size in ("24xlarge", "48xlarge")),
)
_SINGLE = (
    ("productFamily", "Database Instance"),
    ("databaseEngine", "PostgreSQL"),
    ("deploymentOption", "Single-AZ"),
)
_RDS = (
    *(Lookup("RDS", name, "AmazonRDS", r"InstanceUsage:db\..+", _SINGLE, name) for name in _CLASSES),
    Lookup("RDS", "gp3 GB-month", "AmazonRDS", "RDS:GP3-Storage", (("databaseEngine", "PostgreSQL"),)),
    Lookup(
        "RDS", "gp3 Multi-AZ GB-month", "AmazonRDS", "RDS:Multi-AZ-GP3-Storage", (("databaseEngine", "PostgreSQL"),)
    ),
    Lookup("RDS", "gp3 IOPS-month", "AmazonRDS", "RDS:GP3-PIOPS", (("databaseEngine", "PostgreSQL"),)),
    Lookup(
        "RDS", "gp3 Multi-AZ IOPS-month", "AmazonRDS", "RDS:Multi-AZ-GP3-PIOPS", (("databaseEngine", "PostgreSQL"),)
    ),
    Lookup("RDS", "backup GB-month", "AmazonRDS", "RDS:ChargedBackupUsage", (("databaseEngine", "PostgreSQL"),)),
)
_NODES = (
    *(f"cache.t4g.{size}" for size in ("micro", "small", "medium")),
    *(f"cache.m7g.{size}" for size in ("large", "xlarge")),
    *(f"cache.r7g.{size}" for size in ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")),
)
_CACHE = (
    *(
        Lookup("ElastiCache", node, "AmazonElastiCache", re.escape(f"NodeUsage:{node}"), (("cacheEngine", "Valkey"),))
        for node in _NODES
    ),
    Lookup("ElastiCache", "backup GB-month", "AmazonElastiCache", "BackupUsage"),
)
_ALB = (("productFamily", "Load Balancer-Application"),)
_NAT = (("productFamily", "NAT Gateway"),)
_NETWORK = (
    Lookup("ELB", "ALB-hour", "AWSELB", "LoadBalancerUsage", _ALB),
    Lookup("ELB", "LCU-hour", "AWSELB", "LCUUsage", _ALB),
    Lookup("VPC", "NAT-hour", "AmazonEC2", "NatGateway-Hours", _NAT),
    Lookup("VPC", "NAT GB", "AmazonEC2", "NatGateway-Bytes", _NAT),
    Lookup("VPC", "endpoint-hour", "AmazonVPC", "VpcEndpoint-Hours"),
    Lookup("VPC", "endpoint GB", "AmazonVPC", "VpcEndpoint-Bytes"),
    Lookup("VPC", "public IPv4-hour", "AmazonVPC", "PublicIPv4:InUseAddress"),
    Lookup("Transfer", "out GB", "AWSDataTransfer", "DataTransfer-Out-Bytes", (("transferType", "AWS Outbound"),)),
    Lookup("Transfer", "cross-zone GB", "AWSDataTransfer", "DataTransfer-Regional-Bytes"),
)
_REST = (
    Lookup("CloudWatch", "log GB", "AmazonCloudWatch", "DataProcessing-Bytes"),
    Lookup("CloudWatch", "log GB-month", "AmazonCloudWatch", "TimedStorage-ByteHrs"),
    Lookup("CloudWatch", "log query GB", "AmazonCloudWatch", "DataScanned-Bytes"),
    Lookup("CloudWatch", "custom metric-month", "AmazonCloudWatch", "CW:MetricMonitorUsage"),
    Lookup("CloudWatch", "alarm-month", "AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    Lookup("ECR", "GB-month", "AmazonECR", "TimedStorage-ByteHrs"),
    Lookup("S3", "GB-month", "AmazonS3", "TimedStorage-ByteHrs", (("storageClass", "General Purpose"),)),
    Lookup("SecretsManager", "secret-month", "AWSSecretsManager", "AWSSecretsManager-Secrets"),
    Lookup("SecretsManager", "10,000 calls", "AWSSecretsManager", "AWSSecretsManagerAPIRequest", units=Decimal(10_000)),
)
LOOKUPS = (*_FARGATE, *_RDS, *_CACHE, *_NETWORK, *_REST)
