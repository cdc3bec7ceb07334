"""What makes each kind of finding speak, and what is so near that it must not: add-ons, places and people."""

from __future__ import annotations

from dataclasses import replace

from feasible import app, cache, config, other, process
from feasible_worlds import QUIET, SMALL, SPACE, Case, on, read, shop, staged

from offramp.assess.feasibility.readings import (
    CostHint,
    Target,
)
from offramp.discover.model import (
    Certificate,
    Domain,
    Pipeline,
    Placed,
    Webhook,
)

ADDONS = (
    Case(
        "heroku-connect",
        on(others=(other("heroku-connect", "shop"),)),
        on(
            others=(
                other(
                    "heroku-connect",
                    "shop",
                    "People take care of it: it stands under heroku.handled_addons in offramp.toml.",
                ),
            )
        ),
    ),
    Case("kafka", on(others=(other("heroku-kafka", "shop"),)), on(others=(other("cloudamqp", "shop"),))),
    Case("addon-keeps-data", on(others=(other("cloudamqp", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case(
        "addon-owned-elsewhere",
        on(others=(other("heroku-postgresql", "strangers"),)),
        on(others=(other("sentry", "strangers"),)),
    ),
    Case(
        "follower",
        on(others=(other("heroku-postgresql", "shop"),)),
        on(others=(other("heroku-postgresql", "strangers"),)),
    ),
    Case("addon-unknown", on(others=(other("never-heard-of", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("addon-keep", on(others=(other("sentry", "shop"),)), on(others=(other("scheduler", "shop"),))),
    Case("addon-replace", on(others=(other("judoscale", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("cache-plan-unknown", on(caches=(cache("shop", "premium-99", 0),)), on(caches=(cache("shop"),))),
    Case("cache-not-persistent", on(caches=(cache("shop", "mini", 25),)), on(caches=(cache("shop"),))),
    Case("cache-way-back", on(caches=(cache("shop"),)), on()),
    Case("log-drains", on(shop(drains=("logs.example.com",))), on()),
)

PLACES = (
    Case(
        "region-apart",
        read(on(shop(region="eu")), target=Target(region="us-east-1")),
        read(on(shop(region="eu")), target=Target(region="eu-west-1")),
    ),
    Case(
        "regions-in-one-wave",
        on(shop(), replace(app("billing"), region="eu")),
        on(shop(), replace(app("billing"), region="virginia")),
    ),
    Case("region", on(), read(on(), target=Target(region="us-east-1"))),
    Case("region-unknown", on(shop(region="atlantis")), on(shop(region="frankfurt"))),
    Case(
        "static-outbound-addresses",
        on(others=(other("quotaguardstatic", "shop"),)),
        on(others=(other("sentry", "shop"),)),
        "by add-on",
    ),
    Case(
        "static-outbound-addresses",
        on(shop(config=(config("FIXIE_URL"),))),
        on(shop(config=(config("PROXY_URL"),))),
        "by config",
    ),
    Case(
        "static-outbound-addresses",
        on(shop(space="vault"), spaces=(replace(SPACE, outbound=("192.0.2.1",)),)),
        on(spaces=(SPACE,)),
        "by space",
    ),
    Case(
        "private-space",
        on(app("shop", process("web", QUIET, size="Private-S"))),
        on(app("shop", process("web", QUIET, size="Performance-M"))),
        "by size",
    ),
    Case(
        "private-space",
        on(shop(space="vault"), spaces=(SPACE,)),
        on(shop(space="vault"), spaces=(replace(SPACE, shield=True),)),
        "by space",
    ),
    Case(
        "shield-space",
        on(app("shop", process("web", QUIET, size="Shield-M"))),
        on(app("shop", process("web", QUIET, size="Private-M"))),
    ),
    Case("fir-generation", on(shop(generation="fir")), on()),
    Case("internal-routing", on(shop(internal=True)), on()),
    Case(
        "apex-domain",
        on(shop(domains=(Domain("shop.co.uk", None),))),
        on(shop(domains=(Domain("www.shop.co.uk", None),))),
    ),
    Case(
        "several-zones",
        on(shop(domains=(Domain("www.shop.example", None), Domain("www.other.example", None)))),
        on(shop(domains=(Domain("www.shop.example", None), Domain("api.shop.example", None)))),
    ),
    Case("no-zone", on(shop(domains=())), on(shop(domains=()), app("billing"))),
    Case("dns-and-certificates", on(), on(shop(domains=()))),
    Case("no-custom-domain", on(shop(domains=())), on(app("shop", process("worker", "python work.py"), domains=()))),
    Case("wildcard-domain", on(shop(domains=(Domain("*.shop.example", None),))), on()),
    Case(
        "certificate-failing",
        on(shop(domains=(Domain("www.shop.example", None, "failing", "CAA record"),))),
        on(shop(domains=(Domain("www.shop.example", None, "cert issued"),))),
    ),
    Case(
        "certificate-own",
        on(
            shop(
                certificates=(
                    Certificate(
                        "stegosaurus-1", ("www.shop.example",), "2027-01-01T00:00:00Z", "DigiCert", False, False
                    ),
                )
            )
        ),
        on(
            shop(
                certificates=(
                    Certificate("acm-1", ("www.shop.example",), "2027-01-01T00:00:00Z", "Let's Encrypt", True, False),
                )
            )
        ),
    ),
)

PEOPLE = (
    Case(
        "review-apps",
        on(replace(app("shop-pr-12"), pipeline_stage="review")),
        on(replace(app("shop-pr-office"), pipeline_stage="production")),
        "in the estate",
    ),
    Case(
        "review-apps",
        on(pipelines=(Pipeline("p", (Placed("shop", "production", True),), "automatic", 3, ""),)),
        on(pipelines=(Pipeline("p", (Placed("shop", "production", True),), "off", 0, ""),)),
        "of a pipeline",
    ),
    Case("pipeline-promotion", staged("production", "staging"), staged("production", "production")),
    Case("maintenance-mode", on(shop(maintenance=True)), on()),
    Case(
        "app-without-dynos",
        on(app("shop", process("web", QUIET, 0))),
        on(app("shop", process("web", QUIET, 1), process("worker", "work", 0))),
    ),
    Case("app-without-processes", on(shop(processes=())), on(app("shop", process("web", QUIET, 0)))),
    Case("app-webhooks", on(shop(webhooks=(Webhook("hooks.example.com", ("api:release",), "notify"),))), on()),
    Case("preboot", on(shop(features=("preboot",))), on(shop(features=("log-runtime-metrics",)))),
    Case("autoscaling", on(others=(other("rails-autoscale", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case(
        "eco-sleep",
        on(app("shop", process("web", QUIET, size="Eco"))),
        on(app("shop", process("web", QUIET, size="Basic"))),
    ),
    Case(
        "dearer-on-aws",
        replace(on(), cost=(CostHint("main", 4_000, 9_000),)),
        replace(on(), cost=(CostHint("main", 9_000, 4_000),)),
    ),
    Case("too-small-to-move", on(app("shop", *SMALL)), on(app("shop", *SMALL), app("billing", process("web", QUIET)))),
    Case(
        "too-small-to-move",
        on(app("shop", *SMALL)),
        replace(on(app("shop", *SMALL)), cost=(CostHint("main", 9_000, 4_000),)),
        "without a bill",
    ),
)
