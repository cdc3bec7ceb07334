"""Do we read AWS's price list as it is written: pages, tiers, prefixes, twins, gaps and answers that nobody documented?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from price_list import PAGE, PriceList, entry, selling

from offramp.assess.prices import book, desk
from offramp.assess.prices.model import PriceBook
from offramp.aws import Clients
from offramp.cli.prices import prices
from offramp.cli.shell import HERE, Answer, Shell
from offramp.errors import OutsideError, RefusedError
from offramp.migration import Migration

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def server() -> Iterator[PriceList]:
    with selling() as kept, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield kept


@pytest.fixture
def shop(server: PriceList) -> PriceList:
    """The price list, empty again."""
    server.products.clear()
    server.rates.clear()
    server.asked.clear()
    server.denied = server.endless = False
    return server


@pytest.fixture(scope="module")
def clients(server: PriceList) -> Clients:
    return Clients("eu-central-1", server.endpoint)


def quiet(_: str) -> None:
    """Say nothing."""


def refreshed(shop: PriceList, folder: Path, region: str = "us-east-1") -> tuple[PriceBook, tuple[str, ...]]:
    done = desk.refresh(folder, region, TODAY, quiet, endpoint_url=shop.endpoint)
    return book.load(region, folder), done.kept


def usd(found: PriceBook, service: str, item: str) -> Decimal:
    price = found.find(service, item)
    assert price is not None
    return price.usd


def test_all_pages_are_read(shop: PriceList, clients: Clients) -> None:
    for number in range(2 * PAGE + 1):
        shop.sell("AmazonECS", f"Thing-{number}", "Hrs", ("0", "0.1000000000"))

    found = list(clients.pricing.products("AmazonECS", {"regionCode": "us-east-1"}))

    assert [product.attribute("usagetype") for product in found] == [
        f"Thing-{number}" for number in range(2 * PAGE + 1)
    ]
    assert len(shop.asked) == 3
    assert found[0].published == "2026-11-20"


def test_pages_that_never_end_are_an_error(shop: PriceList, clients: Clients) -> None:
    shop.endless = True

    with pytest.raises(OutsideError, match="does not end"):
        list(clients.pricing.products("AmazonECS", {}))


def test_credentials_without_the_permission_are_told_which_one(shop: PriceList, clients: Clients) -> None:
    shop.denied = True

    with pytest.raises(RefusedError, match="pricing:GetProducts"):
        list(clients.pricing.products("AmazonECS", {}))


GOOD = json.loads(entry("AmazonECS", "SKU1", "Thing", "Hrs", (("0", "0.1"),), "us-east-1", {}))


def bent(*path: str, value: object) -> str:
    """The good entry with one thing changed."""
    copy = json.loads(json.dumps(GOOD))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(copy)


DIMENSION = ("terms", "OnDemand", "SKU1.JRTCKXETXF", "priceDimensions", "SKU1.JRTCKXETXF.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        bent("publicationDate", value=None).replace('"publicationDate"', '"published"'),
        bent("product", value="a text"),
        bent(*DIMENSION, "pricePerUnit", "USD", value="cheap"),
        bent(*DIMENSION, "pricePerUnit", "USD", value="-1"),
        bent(*DIMENSION, "pricePerUnit", "USD", value="NaN"),
        bent(*DIMENSION, "beginRange", value="10"),
        bent(*DIMENSION, "beginRange", value="Inf"),
    ],
)
def test_an_answer_in_an_unknown_form_is_refused(shop: PriceList, clients: Clients, text: str) -> None:
    shop.products["AmazonECS"] = [text]

    with pytest.raises(OutsideError, match="a form that offramp does not know"):
        list(clients.pricing.products("AmazonECS", {}))


def test_products_without_an_on_demand_price_in_dollars_are_left_out(shop: PriceList, clients: Clients) -> None:
    shop.products["AmazonECS"] = [
        bent("terms", value={"Reserved": {}}),
        bent(*DIMENSION, "pricePerUnit", value={"CNY": "1"}),
    ]

    assert list(clients.pricing.products("AmazonECS", {})) == []


def test_a_refresh_takes_what_the_list_has_and_keeps_the_rest_with_its_date(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AmazonECS", "USE1-Fargate-vCPU-Hours:perCPU", "hours", ("0", "0.0410000000"), sku="FARGATE1")
    shop.sell("AmazonECS", "USE1-Fargate-Windows-vCPU-Hours:perCPU", "hours", ("0", "0.0910000000"))
    shop.sell("AmazonEC2", "NatGateway-Hours", "Hrs", ("0", "0.0460000000"), productFamily="NAT Gateway")
    shop.sell("AmazonEC2", "RegionalNatGateway-Hours", "Hrs", ("0", "0.0990000000"), productFamily="NAT Gateway")

    found, kept = refreshed(shop, tmp_path)

    vcpu = found.find("Fargate", "x86 vCPU-hour")
    assert vcpu is not None
    assert (vcpu.usd, vcpu.date, vcpu.estimated) == (Decimal("0.041"), TODAY, False)
    assert vcpu.source == "AWS Price List API, AmazonECS SKU FARGATE1, published 2026-11-20"
    assert usd(found, "VPC", "NAT-hour") == Decimal("0.046")
    assert found.find("VPC", "NAT GB") == book.load("us-east-1").find("VPC", "NAT GB")
    assert found.find("Fargate", "spot x86 vCPU-hour") == book.load("us-east-1").find("Fargate", "spot x86 vCPU-hour")
    assert "AWS's list for us-east-1 has no VPC NAT GB." in kept
    assert found.origin == "refreshed"


def test_a_regions_prefix_is_no_obstacle_and_its_neighbours_prices_are_not_taken(
    shop: PriceList, tmp_path: Path
) -> None:
    shop.sell("AmazonECS", "EUC1-Fargate-GB-Hours", "hours", ("0", "0.0052"), region="eu-central-1")
    shop.sell("AmazonECS", "EU-Fargate-GB-Hours", "hours", ("0", "0.0049"), region="eu-west-1")

    found, _ = refreshed(shop, tmp_path, "eu-central-1")

    assert usd(found, "Fargate", "x86 GB-hour") == Decimal("0.0052")


def test_tiers_come_over_and_the_free_gigabytes_are_put_in_front(shop: PriceList, tmp_path: Path) -> None:
    shop.sell(
        "AWSDataTransfer",
        "DataTransfer-Out-Bytes",
        "GB",
        ("0", "0.09"),
        ("10240", "0.085"),
        ("51200", "0.07"),
        transferType="AWS Outbound",
    )

    found, _ = refreshed(shop, tmp_path)
    price = found.find("Transfer", "out GB")

    assert price is not None
    assert price.charge(Decimal(10_340)) == Decimal(10_140) * Decimal("0.09") + 100 * Decimal("0.085")


def test_a_database_is_found_by_its_class_engine_and_deployment(shop: PriceList, tmp_path: Path) -> None:
    family = {"productFamily": "Database Instance", "instanceType": "db.r7g.2xlarge"}
    postgres = {**family, "databaseEngine": "PostgreSQL"}
    shop.sell("AmazonRDS", "InstanceUsage:db.r7g.2xl", "Hrs", ("0", "0.97"), **postgres, deploymentOption="Single-AZ")
    shop.sell("AmazonRDS", "Multi-AZUsage:db.r7g.2xl", "Hrs", ("0", "1.94"), **postgres, deploymentOption="Multi-AZ")
    shop.sell(
        "AmazonRDS",
        "InstanceUsage:db.r7g.2xl",
        "Hrs",
        ("0", "1.1"),
        **family,
        databaseEngine="MySQL",
        deploymentOption="Single-AZ",
    )

    found, _ = refreshed(shop, tmp_path)

    assert usd(found, "RDS", "db.r7g.2xlarge") == Decimal("0.97")


def test_two_prices_for_one_thing_are_not_guessed_between(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AWSELB", "LoadBalancerUsage", "Hrs", ("0", "0.03"), sku="A", productFamily="Load Balancer-Application")
    shop.sell(
        "AWSELB", "USE1-LoadBalancerUsage", "Hrs", ("0", "0.04"), sku="B", productFamily="Load Balancer-Application"
    )

    found, kept = refreshed(shop, tmp_path)

    assert usd(found, "ELB", "ALB-hour") == Decimal("0.0225")
    assert "AWS's list for us-east-1 has several prices for ELB ALB-hour (A, B); none was taken." in kept


def test_a_unit_of_ours_may_be_many_of_theirs(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AWSSecretsManager", "AWSSecretsManagerAPIRequest", "API Requests", ("0", "0.0000060000"))

    found, _ = refreshed(shop, tmp_path)

    assert usd(found, "SecretsManager", "10,000 calls") == Decimal("0.06")


def test_savings_plans_become_discounts_by_their_own_rates(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AmazonECS", "Fargate-vCPU-Hours:perCPU", "hours", ("0", "0.04"))
    shop.sell("AmazonECS", "Fargate-GB-Hours", "hours", ("0", "0.004"))
    shop.rate("USE1-Fargate-vCPU-Hours:perCPU", "0.032", plan="Compute", product="Fargate")
    shop.rate("USE1-Fargate-GB-Hours", "0.003", plan="Compute", product="Fargate")
    shop.rate("Fargate-vCPU-Hours:perCPU", "0.02", plan="Compute", product="Fargate", years=3)
    shop.rate("InstanceUsage:db.r7g.xl", "0.3824", plan="Database", product="RDS")

    found, _ = refreshed(shop, tmp_path)
    vcpu, instance = found.find("Fargate", "x86 vCPU-hour"), found.find("RDS", "db.r7g.xlarge")
    assert vcpu is not None
    assert instance is not None
    one, three, database = (
        found.discount(vcpu, "1-year"),
        found.discount(vcpu, "3-year"),
        found.discount(instance, "1-year"),
    )

    assert one is not None
    assert three is not None
    assert database is not None
    assert (one.low, one.likely, one.high) == (Decimal("0.2"), Decimal("0.225"), Decimal("0.25"))
    assert three.likely == Decimal("0.5")
    assert database.likely == Decimal("0.2")  # 1 − 0.3824 / 0.478.
    assert one.date == TODAY


def test_another_region_begins_with_estimates(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AmazonECS", "APS3-Fargate-vCPU-Hours:perCPU", "hours", ("0", "0.0425"), region="ap-south-1")

    found, _ = refreshed(shop, tmp_path, "ap-south-1")
    read, carried = found.find("Fargate", "x86 vCPU-hour"), found.find("VPC", "NAT-hour")

    assert read is not None
    assert carried is not None
    assert (read.usd, read.estimated) == (Decimal("0.0425"), False)
    assert (carried.estimated, carried.uncertainty) == (True, Decimal("0.25"))
    assert carried.source.startswith("rule: the us-east-1 figure")


def test_a_refresh_that_fails_leaves_the_old_book(shop: PriceList, tmp_path: Path) -> None:
    shop.sell("AmazonEC2", "NatGateway-Hours", "Hrs", ("0", "0.0460000000"), productFamily="NAT Gateway")
    refreshed(shop, tmp_path)
    before = (tmp_path / "prices" / "us-east-1.json").read_bytes()
    shop.products["AmazonS3"] = ["not JSON"]

    with pytest.raises(OutsideError):
        refreshed(shop, tmp_path)

    assert (tmp_path / "prices" / "us-east-1.json").read_bytes() == before


def test_the_command_reads_the_settings_and_writes_the_book(shop: PriceList, tmp_path: Path) -> None:
    (tmp_path / "offramp.toml").write_text(
        f'name = "shop"\n[heroku]\n[aws]\nregion = "eu-west-1"\naccount = "123456789012"\nendpoint_url = "{shop.endpoint}"\n'
    )
    shop.sell(
        "AmazonEC2",
        "EU-NatGateway-Hours",
        "Hrs",
        ("0", "0.0480000000"),
        region="eu-west-1",
        productFamily="NAT Gateway",
    )

    done = run("refresh", "--folder", str(tmp_path))
    shown = run(folder=tmp_path)

    assert done.text.startswith("1 prices of eu-west-1 were read and written to prices/eu-west-1.json.")
    assert "eu-west-1       refreshed" in shown.text
    assert "us-east-1       shipped" in shown.text
    assert "offramp prices refresh --region us-east-1" in shown.hint
    assert json.loads(json.dumps(shown.body))["books"][2]["origin"] == "refreshed"


def run(*words: str, folder: Path = HERE) -> Answer:
    shell = Shell(json=False, open=Migration, directory=folder)
    answer = prices.main(args=list(words), prog_name="prices", standalone_mode=False, obj=shell)
    assert isinstance(answer, Answer)
    return answer
