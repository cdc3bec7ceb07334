"""A double of AWS's price list and Savings Plans API, on loopback: JSON 1.1 and REST-JSON as botocore speaks them.

The products have the shape of GetProducts' answers: JSON in strings, with attributes, terms and tiers. Filters match attributes exactly;
answers come in pages. What is asked for is kept, so that a test can look at it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PUBLISHED = "2026-11-20T17:45:21Z"
PAGE = 2


@dataclass
class PriceList:
    """What the double sells, by service code, and what it was asked."""

    products: dict[str, list[str]] = field(default_factory=dict)
    rates: list[dict[str, object]] = field(default_factory=list)
    asked: list[Mapping[str, object]] = field(default_factory=list)
    denied: bool = False
    endless: bool = False
    endpoint: str = ""

    def sell(
        self,
        code: str,
        usage_type: str,
        unit: str,
        *tiers: tuple[str, str],
        region: str = "us-east-1",
        sku: str = "",
        **attributes: str,
    ) -> None:
        """Add a product; ``tiers`` are (from, US dollars)."""
        sku = sku or f"SKU{sum(len(found) for found in self.products.values()):04}"
        self.products.setdefault(code, []).append(entry(code, sku, usage_type, unit, tiers, region, attributes))

    def rate(
        self, usage_type: str, usd: str, *, plan: str, product: str, region: str = "us-east-1", years: int = 1
    ) -> None:
        self.rates.append(
            {
                "savingsPlanOffering": {
                    "offeringId": "1",
                    "paymentOption": "No Upfront",
                    "planType": plan,
                    "durationSeconds": years * 31_536_000,
                    "currency": "USD",
                },
                "rate": usd,
                "unit": "Hrs",
                "productType": product,
                "serviceCode": "x",
                "usageType": usage_type,
                "operation": "",
                "properties": [{"name": "region", "value": region}],
            }
        )


def entry(
    code: str,
    sku: str,
    usage_type: str,
    unit: str,
    tiers: Sequence[tuple[str, str]],
    region: str,
    attributes: Mapping[str, str],
) -> str:
    """One string of ``PriceList``, in the shape that AWS documents."""
    ends = [above for above, _ in tiers[1:]] + ["Inf"]
    dimensions = {
        f"{sku}.JRTCKXETXF.{number}": {
            "unit": unit,
            "endRange": end,
            "description": f"${usd} per {unit}",
            "appliesTo": [],
            "rateCode": f"{sku}.JRTCKXETXF.{number}",
            "beginRange": above,
            "pricePerUnit": {"USD": usd},
        }
        for number, ((above, usd), end) in enumerate(zip(tiers, ends, strict=True))
    }
    offer = {
        "priceDimensions": dimensions,
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
    }
    place = {"fromRegionCode": region} if code == "AWSDataTransfer" else {"regionCode": region}
    return json.dumps(
        {
            "product": {
                "productFamily": attributes.get("productFamily", "Compute"),
                "attributes": {**attributes, **place, "usagetype": usage_type, "servicecode": code},
                "sku": sku,
            },
            "serviceCode": code,
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {**offer, "termAttributes": {}}}},
            "version": "20261120174521",
            "publicationDate": PUBLISHED,
        }
    )


@contextmanager
def selling() -> Iterator[PriceList]:
    """Serve a price list until the block ends."""
    kept = PriceList()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            kept.asked.append(asked)
            if kept.denied:
                self._answer(400, {"__type": "AccessDeniedException", "message": "not authorized: pricing:GetProducts"})
            elif self.headers.get("X-Amz-Target") == "AWSPriceListService.GetProducts":
                assert self.headers["Content-Type"] == "application/x-amz-json-1.1"
                self._answer(200, _get_products(kept, asked))
            elif self.path == "/DescribeSavingsPlansOfferingRates":
                self._answer(200, _rates(kept, asked))
            else:
                self._answer(400, {"__type": "UnknownOperationException"})

        def _answer(self, status: int, body: Mapping[str, object]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The name is http.server's.
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kept.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _get_products(kept: PriceList, asked: Mapping[str, object]) -> dict[str, object]:
    filters = asked.get("Filters", [])
    assert isinstance(filters, list)
    found = [text for text in kept.products.get(str(asked["ServiceCode"]), []) if _fits(text, filters)]
    start = int(str(asked.get("NextToken", "0")))
    answer: dict[str, object] = {"FormatVersion": "aws_v1", "PriceList": found[start : start + PAGE]}
    if start + PAGE < len(found) or kept.endless:
        answer["NextToken"] = str(start + PAGE)
    return answer


def _fits(text: str, filters: Sequence[Mapping[str, str]]) -> bool:
    try:
        product = json.loads(text)["product"]
        attributes = {**product["attributes"], "productFamily": product["productFamily"]}
    except (ValueError, KeyError, TypeError):
        return True
    return all(one["Type"] == "TERM_MATCH" and attributes.get(one["Field"]) == one["Value"] for one in filters)


def _rates(kept: PriceList, asked: Mapping[str, object]) -> dict[str, object]:
    plans, products = asked["savingsPlanTypes"], asked["products"]
    filters = asked["filters"]
    assert isinstance(plans, list)
    assert isinstance(products, list)
    assert isinstance(filters, list)
    regions = next(one["values"] for one in filters if one["name"] == "region")
    found = [
        one
        for one in kept.rates
        if isinstance(offering := one["savingsPlanOffering"], dict)
        and offering["planType"] in plans
        and one["productType"] in products
        and isinstance(properties := one["properties"], list)
        and properties[0]["value"] in regions
    ]
    start = int(str(asked.get("nextToken", "0") or "0"))
    answer: dict[str, object] = {"searchResults": found[start : start + PAGE]}
    if start + PAGE < len(found):
        answer["nextToken"] = str(start + PAGE)
    return answer
