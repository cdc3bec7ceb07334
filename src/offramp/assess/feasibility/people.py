"""What do people do with Heroku that must be done in another way: promote, review, scale, sleep, switch to maintenance?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .kinds import Case, Kind, Rule
from .model import Commands, Finding, Severity, Source, Steps, Subject

_FLOW = Source("Heroku Dev Center, Pipelines and Review Apps", "2026-11")

REVIEW = Kind(
    "review-apps", Subject.PIPELINES, Severity.AFTER, "Review apps",
    "Each pull request gets an app with add-ons of its own. Nothing on AWS does that by itself, and offramp does not move them.", _FLOW,
)  # fmt: skip
PROMOTION = Kind(
    "pipeline-promotion", Subject.PIPELINES, Severity.AFTER, "A pipeline whose releases are promoted",
    "A promotion runs the very slug of staging in production. On AWS the same holds for an image's digest: build once, deploy it to "
    "staging, then to production.", _FLOW,
)  # fmt: skip
MAINTENANCE = Kind(
    "maintenance-mode", Subject.PIPELINES, Severity.KNOW, "An app in maintenance mode",
    "Its web requests are answered by Heroku; workers and jobs run on. Traffic that moves to AWS would find it open.",
    Source("Heroku Dev Center, Maintenance mode", "2026-11"),
)  # fmt: skip
STOPPED = Kind(
    "app-without-dynos", Subject.PIPELINES, Severity.KNOW, "An app without running dynos",
    "There is nothing to move but its config, and nothing by which one could see that it works.",
    Source("Heroku Platform API, formation", "2026-11"),
)  # fmt: skip
NOTHING = Kind(
    "app-without-processes", Subject.PIPELINES, Severity.BLOCKS, "An app without process types",
    "Nothing was ever deployed there, so no service can be made of it.", Source("Heroku Platform API, formation", "2026-11"),
)  # fmt: skip
WEBHOOKS = Kind(
    "app-webhooks", Subject.PIPELINES, Severity.AFTER, "Somebody is told of Heroku's releases by a webhook",
    "Chat messages, error trackers and deploy counters hang on it; on AWS nothing tells them.",
    Source("Heroku Dev Center, App webhooks; AWS, ECS events in EventBridge", "2026-11"),
)  # fmt: skip
PREBOOT = Kind(
    "preboot", Subject.TIMEOUTS, Severity.KNOW, "Preboot is on",
    "Old and new dynos serve together for a while at each release. On ECS it is always so: old tasks are stopped once new ones are healthy.",
    Source("Heroku Dev Center, Preboot; AWS, ECS rolling updates", "2026-11"),
)  # fmt: skip
SCALING = Kind(
    "autoscaling", Subject.SCALING, Severity.AFTER, "The number of dynos changes by itself",
    "offramp gives each service a fixed number of tasks, as many as there are dynos when it is designed.",
    Source("the scalers' own pages; AWS, Application Auto Scaling for ECS", "2026-11"),
)  # fmt: skip
SLEEP = Kind(
    "eco-sleep", Subject.SCALING, Severity.KNOW, "Eco dynos sleep when nobody asks",
    "Tasks on AWS never sleep, so their cost is never nothing. What was slow after a pause is fast all the time.",
    Source("Heroku Dev Center, Eco dyno hours: sleep after 30 minutes", "2026-11"),
)  # fmt: skip
KINDS = (REVIEW, PROMOTION, MAINTENANCE, STOPPED, NOTHING, WEBHOOKS, PREBOOT, SCALING, SLEEP)

_REVIEW_NAME = re.compile(r"-pr-\d+$")
_SCALERS = ("rails-autoscale", "judoscale", "hirefire", "adept-scale", "autoscale", "process-scheduler")


def review_apps(case: Case) -> Iterator[Finding]:
    inside = [app for app in case.estate.apps if app.pipeline_stage == "review" or _REVIEW_NAME.search(app.name)]
    pipelines = [one for one in case.estate.pipelines if one.open_review_apps or one.review_apps not in ("", "off")]
    if not (inside or pipelines):
        return
    members = [placed.app for one in pipelines for placed in one.apps if placed.in_estate]
    yield REVIEW.found(
        [*(app.name for app in inside), *members],
        [*(one.name for one in pipelines), *(app.name for app in inside)],
        [
            *(f"{one.name}: review apps {one.review_apps or 'on'}, {one.open_review_apps} open." for one in pipelines),
            *(f"{app.name} is one." for app in inside),
        ],
        Steps((
            "Leave them on Heroku as long as they are wanted (they need no database of AWS's); or start the image of each branch as a service "
            "with a small database, from the workflow that builds it.",
            *(["Leave those apps out of this move with heroku.apps in offramp.toml."] if inside else []),
        )),
    )  # fmt: skip


def promotion(case: Case) -> Iterator[Finding]:
    stages: dict[str, dict[str, list[str]]] = {}
    for app in case.estate.apps:
        if app.pipeline and app.pipeline_stage in ("staging", "production"):
            stages.setdefault(app.pipeline, {}).setdefault(app.pipeline_stage, []).append(app.name)
    for one in case.estate.pipelines:
        for placed in one.apps:
            if placed.stage in ("staging", "production"):
                members = stages.setdefault(one.name, {}).setdefault(placed.stage, [])
                if placed.app not in members:
                    members.append(placed.app)
    known = {app.name for app in case.estate.apps}
    for pipeline, placed_at in stages.items():
        if len(placed_at) == 2:
            yield PROMOTION.found(
                [name for names in placed_at.values() for name in names if name in known],
                [pipeline],
                [f"{pipeline}: {stage} is {', '.join(names)}." for stage, names in sorted(placed_at.items())],
                Steps(
                    (
                        "In the workflow: build and push once, deploy the digest to staging, and after an approval to production.",
                    )
                ),
            )


def maintenance(case: Case) -> Iterator[Finding]:
    if apps := [app.name for app in case.estate.apps if app.maintenance]:
        yield MAINTENANCE.found(
            apps,
            apps,
            [f"{app} is in maintenance mode." for app in apps],
            Commands(tuple(f"heroku maintenance:off -a {app}" for app in apps)),
        )


def stopped(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        if not app.processes:
            yield NOTHING.found(
                [app.name],
                [app.name],
                [f"{app.name} has no formation."],
                Commands((f"heroku ps -a {app.name}",)),
                Steps(("Deploy it, or leave it out with heroku.apps in offramp.toml.",)),
            )
    if idle := [app for app in case.estate.apps if app.processes and not any(one.quantity for one in app.processes)]:
        yield STOPPED.found(
            [app.name for app in idle],
            [app.name for app in idle],
            [f"{app.name}: {', '.join(f'{one.type}=0' for one in app.processes)}." for app in idle],
            Steps(("Leave it out with heroku.apps in offramp.toml, unless it shall run on AWS.",)),
        )


def webhooks(case: Case) -> Iterator[Finding]:
    if found := [(app, hook) for app in case.estate.apps for hook in app.webhooks]:
        yield WEBHOOKS.found(
            [app.name for app, _ in found],
            [hook.host for _, hook in found],
            [f"{app.name} tells {hook.host} of {', '.join(hook.events)}." for app, hook in found],
            Steps(("Have the deploy workflow tell them, or an EventBridge rule on ECS's deployment events.",)),
        )


def preboot(case: Case) -> Iterator[Finding]:
    if apps := [app.name for app in case.estate.apps if "preboot" in app.features]:
        yield PREBOOT.found(apps, apps, [f"{app} has preboot." for app in apps], Steps(("Nothing.",)))


def scaling(case: Case) -> Iterator[Finding]:
    others = [other for other in case.estate.others if other.service in _SCALERS]
    if others:
        yield SCALING.found(
            [other.app for other in others],
            [other.addon for other in others],
            [f"{other.app} has {other.addon} ({other.service})." for other in others],
            Steps((
                "Before the blueprint is approved, set the count of each such service to what the busiest hour needs.",
                "Afterwards register the services with Application Auto Scaling (`aws application-autoscaling register-scalable-target`, then "
                "`put-scaling-policy` on CPU or on requests per target).",
            )),
        )  # fmt: skip


def sleeping(case: Case) -> Iterator[Finding]:
    found = [(app, one) for app, one in case.running() if one.size.casefold() == "eco"]
    if found:
        yield SLEEP.found(
            [app.name for app, _ in found],
            [f"{app.name} {one.type}" for app, one in found],
            [f"{app.name} runs {one.type} on Eco." for app, one in found],
            Steps(("Nothing; the cost part counts them as running all the time.",)),
        )


RULES: tuple[Rule, ...] = (
    review_apps, promotion, maintenance, stopped, webhooks, preboot, scaling, sleeping,
)  # fmt: skip
