"""What does AWS say that things cost? The Price List Query API, and the rates of Savings Plans.

Both are global services that are asked in us-east-1, whatever region the prices are for. An answer in a form that is not known is an
error, never a guess. Formats: AWS's pages "GetProducts" and "DescribeSavingsPlansOfferingRates".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

from ..errors import OutsideError
from .failures import wrapped

if TYPE_CHECKING:
    from mypy_boto3_pricing.client import PricingClient
    from mypy_boto3_pricing.type_defs import FilterTypeDef
    from mypy_boto3_savingsplans.client import SavingsPlansClient
    from mypy_boto3_savingsplans.literals import SavingsPlanProductTypeType

ENDPOINT_REGION = "us-east-1"
PAGE = 100
MOST_PAGES = 200
_YEAR_SECONDS = 365 * 24 * 3600

Plan = Literal["Compute", "Database"]


@dataclass(frozen=True, slots=True)
class Step:
    """US dollars per unit above ``above`` units a month."""

    above: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Product:
    """One on-demand price. ``attributes`` are AWS's (``usagetype``, ``instanceType``, ``regionCode``); ``steps`` rise from 0."""

    sku: str
    attributes: tuple[tuple[str, str], ...]
    unit: str
    steps: tuple[Step, ...]
    published: str
    """The day that AWS published the list, ``2026-09-25``."""

    def attribute(self, name: str) -> str:
        return dict(self.attributes).get(name, "")


@dataclass(frozen=True, slots=True)
class Rate:
    """What a unit costs under a Savings Plan without upfront payment."""

    usage_type: str
    usd: Decimal
    years: int


class Pricing:
    """AWS's price list."""

    def __init__(self, client: PricingClient, plans: SavingsPlansClient) -> None:
        self._client = client
        self._plans = plans

    def products(self, service_code: str, filters: Mapping[str, str]) -> Iterator[Product]:
        """Yield the on-demand products of a service whose attributes equal ``filters``, over all pages.

        Products without an on-demand price in US dollars are left out. Raises RefusedError when the credentials may not call
        ``pricing:GetProducts``, and OutsideError when an answer has a form that is not known or pages never end.
        """
        wanted: list[FilterTypeDef] = [
            {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters.items()
        ]
        token = ""
        for _ in range(MOST_PAGES):
            with wrapped(f"read the prices of {service_code}"):
                more = {"NextToken": token} if token else {}
                answer = self._client.get_products(
                    ServiceCode=service_code,
                    Filters=wanted,
                    FormatVersion="aws_v1",
                    MaxResults=PAGE,
                    **more,
                )
            for text in answer.get("PriceList", ()):
                found = product(str(text))
                if found is not None:
                    yield found
            token = answer.get("NextToken", "")
            if not token:
                return
        raise OutsideError(f"AWS's price list of {service_code} does not end after {MOST_PAGES} pages.")

    def rates(self, plan: Plan, product_type: SavingsPlanProductTypeType, region: str) -> Iterator[Rate]:
        """Yield the no-upfront rates of a Savings Plan type in a region, over all pages. Raises as ``products`` does."""
        token = ""
        for _ in range(MOST_PAGES):
            with wrapped(f"read the rates of {plan} Savings Plans"):
                more = {"nextToken": token} if token else {}
                answer = self._plans.describe_savings_plans_offering_rates(
                    savingsPlanPaymentOptions=["No Upfront"],
                    savingsPlanTypes=[plan],
                    products=[product_type],
                    filters=[{"name": "region", "values": [region]}],
                    maxResults=1000,
                    **more,  # type: ignore[arg-type]
                )
            for one in answer.get("searchResults", ()):
                offering = one.get("savingsPlanOffering", {})
                years = round(offering.get("durationSeconds", 0) / _YEAR_SECONDS)
                usd = _decimal(one.get("rate"))
                if usd is None or years not in (1, 3) or not one.get("usageType"):
                    raise _unknown(f"a Savings Plan's rate without a price, a term or a usage type: {str(one)[:200]}")
                yield Rate(one["usageType"], usd, years)
            token = answer.get("nextToken", "")
            if not token:
                return
        raise OutsideError(f"The rates of {plan} Savings Plans do not end after {MOST_PAGES} pages.")


def product(text: str) -> Product | None:
    """Read one entry of ``PriceList``, which is JSON in a string. None when it has no on-demand price in US dollars.

    Raises OutsideError when it is not what AWS documents.
    """
    try:
        entry = json.loads(text)
        described, terms, published = entry["product"], entry["terms"], entry["publicationDate"]
        offers = list(terms.get("OnDemand", {}).values())
        if not offers:
            return None
        if len(offers) > 1:
            raise ValueError("several on-demand offers")
        dimensions = list(offers[0]["priceDimensions"].values())
        if not all("USD" in one["pricePerUnit"] for one in dimensions):
            return None
        attributes = tuple(sorted((str(name), str(value)) for name, value in described["attributes"].items()))
        steps = sorted((_step(one) for one in dimensions), key=lambda step: step.above)
        units = {str(one["unit"]) for one in dimensions}
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise _unknown(f"{type(error).__name__} {error} in {text[:200]}") from error
    if not steps or steps[0].above != 0 or len(units) != 1:
        raise _unknown(f"tiers that do not begin at 0, or in several units, in {text[:200]}")
    return Product(str(described["sku"]), attributes, units.pop(), tuple(steps), str(published)[:10])


def _step(dimension: Mapping[str, object]) -> Step:
    prices = dimension["pricePerUnit"]
    above = _decimal(dimension["beginRange"])
    usd = _decimal(prices["USD"]) if isinstance(prices, Mapping) else None
    if above is None or usd is None or usd < 0:
        raise ValueError("a price dimension without a number")
    return Step(above, usd)


def _decimal(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _unknown(what: str) -> OutsideError:
    return OutsideError(
        f"AWS's price list answers in a form that offramp does not know: {what}.",
        hint="The prices kept so far stay as they are. Please report it with the text above.",
    )
