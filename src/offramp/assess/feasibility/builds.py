"""Can an image be built of every app, with what its slug was built of?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...discover.model import App
from . import commands, diffs
from .kinds import Case, Kind, Rule, process_name
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject

_CNB = Source("heroku/cnb-builder-images: builder 24 and 26, and Heroku's list of Cloud Native Buildpacks", "2026-06")
_STACKS = Source("Heroku Dev Center, Stacks: end-of-life dates", "2026-11")

NO_EQUIVALENT = Kind(
    "buildpack-without-equivalent", Subject.BUILDS, Severity.FIRST, "A buildpack without a Cloud Native equivalent",
    "Classic buildpacks do not run in Cloud Native builders; what it installs would be missing from the image.", _CNB,
)  # fmt: skip
ORDER = Kind(
    "several-buildpacks", Subject.BUILDS, Severity.KNOW, "Several buildpacks, whose order matters",
    "The image must be built with the same ones in the same order; the builder's own detection takes the first language that fits.", _CNB,
)  # fmt: skip
ENDED = Kind(
    "stack-ended", Subject.BUILDS, Severity.FIRST, "A stack that Heroku no longer builds on",
    "Nothing can be deployed to Heroku any more, not even a mend of this list, and there is no builder image of the same system: the app "
    "would change its system on the way.", _STACKS,
)  # fmt: skip
ENDING = Kind(
    "stack-ending", Subject.BUILDS, Severity.AFTER, "A stack near its end of life",
    "heroku-22 ends on 2027-04-30, and Heroku's builder image for it is deprecated.", _STACKS,
)  # fmt: skip
CONTAINER = Kind(
    "container-stack", Subject.BUILDS, Severity.KNOW, "An app that is deployed as a container already",
    "Its Dockerfile builds the image for AWS too. What heroku.yml says of release and run is not in the image.",
    Source("Heroku Dev Center, Building Docker images with heroku.yml", "2026-11"),
)  # fmt: skip
POOLER_INSIDE = Kind(
    "pooler-in-the-dyno", Subject.BUILDS, Severity.FIRST, "A pooler or proxy that runs inside the dyno",
    "The buildpack that brings it has no Cloud Native equivalent, so the command would not be found; and the pooler on AWS does its work.",
    Source("heroku/heroku-buildpack-pgbouncer; offramp's pooler", "2026-11"),
)  # fmt: skip
BUILD_CONFIG = Kind(
    "config-read-at-build", Subject.BUILDS, Severity.FIRST, "Config vars that a build reads",
    "Heroku shows all config vars to a build. An image build sees only what it is given, and what a front end's build bakes in cannot be "
    "changed in the image afterwards: it needs the values of the environment that it is built for.",
    Source("Heroku Dev Center, Config vars at build time; the tools' own pages on these prefixes", "2026-11"),
)  # fmt: skip
KINDS = (NO_EQUIVALENT, ORDER, ENDED, ENDING, CONTAINER, POOLER_INSIDE, BUILD_CONFIG)

# Buildpacks in Heroku's builder images; jvm-common and the Procfile come with others.
LANGUAGES = frozenset({"dotnet", "go", "gradle", "java", "jvm", "nodejs", "php", "procfile", "python", "ruby", "scala"})


@dataclass(frozen=True, slots=True)
class Way:
    """What to do about one well-known buildpack that has no equivalent under its own name."""

    words: str
    step: str


WAYS: tuple[Way, ...] = (
    Way(
        "apt",
        "Use heroku/deb-packages instead: list the packages of Aptfile under [com.heroku.buildpacks.deb-packages] in project.toml.",
    ),
    Way(
        "pgbouncer",
        "Leave it out: the pooler on AWS stands between already. Take bin/start-pgbouncer out of the Procfile.",
    ),
    Way("stunnel", "Leave it out: ElastiCache and RDS speak TLS themselves."),
    Way(
        "nginx",
        "Leave it out where it only buffered requests: the gateway does. Else write a Dockerfile with your nginx.conf.",
    ),
    Way(
        "chrome",
        "Write a Dockerfile and install chromium with apt-get; set its path where the app looks for GOOGLE_CHROME_BIN.",
    ),
    Way(
        "puppeteer",
        "Write a Dockerfile with the libraries that Chromium needs; Debian's chromium package depends on all of them.",
    ),
    Way("ffmpeg", "Use heroku/deb-packages with the package ffmpeg."),
    Way("imagemagick", "Use heroku/deb-packages with the package imagemagick."),
    Way("geo", "Use heroku/deb-packages with gdal-bin, libgeos-dev and libproj-dev."),
    Way("static", "Serve the files from S3 and CloudFront, or write a Dockerfile from an nginx image."),
    Way("create-react-app", "Build in a Dockerfile and serve from S3 and CloudFront, or from an nginx image."),
    Way("metrics", "Leave it out: it sends to Heroku's dashboard only."),
    Way("datadog", "Leave it out: run the Datadog agent as a second container in the task."),
    Way("newrelic", "Leave it out: the agent is a library of your language."),
    Way("elixir", "Write a Dockerfile with a release (`mix phx.gen.release --docker` writes one)."),
    Way("phoenix", "Write a Dockerfile with a release (`mix phx.gen.release --docker` writes one)."),
    Way("clojure", "Write a Dockerfile: build the uberjar in one stage, run it in another."),
    Way("rust", "Write a Dockerfile: build in one stage, copy the binary to another."),
    Way("monorepo", "Build with the app's folder as the root: `pack build --path FOLDER`."),
    Way("subdir", "Build with the app's folder as the root: `pack build --path FOLDER`."),
    Way("multi-procfile", "Build with the app's folder as the root, and name its Procfile there."),
)
_DOCKERFILE = "Write a Dockerfile that installs what this buildpack does."
_NAME = re.compile(r"(?:https?://|git@)?(?:[\w.-]+[:/])?(?:buildpacks/)?([\w.-]+)/([\w.-]+?)(?:\.git|\.tgz)?(?:#.*)?$")


def short(buildpack: str) -> tuple[str, str]:
    """Return whose buildpack it is and its name, without ``heroku-buildpack-``.

    >>> short("heroku/python"), short("https://github.com/heroku/heroku-buildpack-pgbouncer.git#v1")
    (('heroku', 'python'), ('heroku', 'pgbouncer'))
    >>> short("https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku-community/apt.tgz")
    ('heroku-community', 'apt')
    """
    found = _NAME.search(buildpack)
    if not found:
        return "", buildpack
    return found[1], re.sub(r"^(heroku-)?buildpacks?-", "", found[2])


def official(buildpack: str) -> bool:
    """Whether Heroku's Cloud Native builders hold its equal.

    >>> official("heroku/python"), official("urn:buildpack:heroku/ruby"), official("heroku/clojure"), official("heroku-community/apt")
    (True, True, False, False)
    """
    owner, name = short(buildpack.removeprefix("urn:buildpack:"))
    return owner == "heroku" and name in LANGUAGES


def step(buildpack: str) -> str:
    """
    >>> step("https://github.com/someone/heroku-buildpack-mystery")
    'Write a Dockerfile that installs what this buildpack does.'
    """
    _, name = short(buildpack)
    return next((way.step for way in WAYS if way.words in name), _DOCKERFILE)


def _classic(app: App) -> bool:
    return app.stack != "container" and app.generation != "fir"


def without_equivalent(case: Case) -> Iterator[Finding]:
    """One finding for each such buildpack, for all the apps that use it."""
    users: dict[str, list[str]] = {}
    for app in case.estate.apps:
        for buildpack in app.buildpacks:
            if _classic(app) and not official(buildpack):
                users.setdefault(buildpack, []).append(app.name)
    for buildpack, apps in users.items():
        yield NO_EQUIVALENT.found(
            apps, [buildpack], [f"{', '.join(apps)} built with {buildpack}."], Steps((step(buildpack),))
        )


def several(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        known = [buildpack for buildpack in app.buildpacks if official(buildpack)]
        if not _classic(app) or len(known) < 2:
            continue
        groups = "\n".join(
            f'[[io.buildpacks.group]]\nid = "heroku/{short(one.removeprefix("urn:buildpack:"))[1]}"\n' for one in known
        )
        text = f'[_]\nschema-version = "0.2"\n\n{groups}'
        there = any(file.path == "project.toml" for file in case.readings.of_app(app.name))
        mend: Mend = (
            Steps(("Name the buildpacks in this order under [[io.buildpacks.group]] in project.toml.",))
            if there
            else diffs.new_file(app.name, "project.toml", text)
        )
        yield ORDER.found([app.name], app.buildpacks, [f"{app.name}: {', then '.join(app.buildpacks)}."], mend)


_ENDED = {"cedar-14": "2020", "heroku-16": "May 2021", "heroku-18": "April 2023", "heroku-20": "April 2025"}


def stacks(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        if when := _ENDED.get(app.stack):
            yield ENDED.found(
                [app.name],
                [app.stack],
                [f"{app.name} runs on {app.stack}, whose support ended in {when}."],
                Commands((
                    "# Takes effect with the next build; try it on staging first.",
                    f"heroku stack:set heroku-24 -a {app.name}",
                )),
            )  # fmt: skip
    if apps := [app.name for app in case.estate.apps if app.stack == "heroku-22"]:
        yield ENDING.found(
            apps,
            ["heroku-22"],
            [f"{', '.join(apps)} on heroku-22."],
            Steps(("Build the images with heroku/builder:24, and run staging on them before the move.",)),
        )
    if apps := [app.name for app in case.estate.apps if app.stack == "container"]:
        yield CONTAINER.found(
            apps,
            apps,
            [f"{', '.join(apps)} on the stack container."],
            Steps(("Push the image of the Dockerfile to the registry in offramp.toml, tagged with the release.",)),
        )


def pooler_inside(case: Case) -> Iterator[Finding]:
    for app, process in case.running():
        wrapped = [one for one in commands.read(process.command).wrapped_by if one.startswith("bin/start-")]
        for one in wrapped:
            plain = process.command.replace(f"{one} ", "", 1)
            yield POOLER_INSIDE.found(
                [app.name],
                [process_name(app, process)],
                [f"{process_name(app, process)} runs `{process.command}`."],
                *_plain_procfile(case, app, process.type, process.command, plain),
            )


def _plain_procfile(case: Case, app: App, kind: str, command: str, plain: str) -> Iterator[Mend]:
    for file in case.readings.of_app(app.name):
        if file.path == "Procfile" and command in file.text:
            yield diffs.patch(file, file.text.replace(command, plain, 1))
            return
    yield Steps((f"In the Procfile: `{kind}: {plain}`.",))


_BUILD_VARS = re.compile(
    r"^(NEXT_PUBLIC_|REACT_APP_|VITE_|VUE_APP_|GATSBY_|NUXT_PUBLIC_|EXPO_PUBLIC_|PUBLIC_URL$|NPM_TOKEN|NPM_CONFIG_|YARN_NPM_|"
    r"NODE_AUTH_TOKEN|BUNDLE_|PIP_(EXTRA_)?INDEX_URL|UV_INDEX|POETRY_HTTP_BASIC_|GOPRIVATE|MAVEN_|GRADLE_TASK|DISABLE_COLLECTSTATIC|"
    r"SENTRY_AUTH_TOKEN|NODE_MODULES_CACHE|YARN_PRODUCTION|USE_YARN_CACHE|PROJECT_PATH$)"
)


def build_config(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        names = [one.name for one in app.config if _BUILD_VARS.match(one.name)]
        if names and app.stack != "container":
            yield BUILD_CONFIG.found(
                [app.name],
                names,
                [f"{app.name} has the config vars {', '.join(names)}."],
                Steps((
                    f"Give them to the build: `pack build --env {names[0]}=...`, or `--build-arg` for a Dockerfile; secrets by "
                    "`--mount=type=secret`.",
                    "Build an image for each environment, or read such values at run time as a config.json.",
                )),
            )  # fmt: skip


RULES: tuple[Rule, ...] = (without_equivalent, several, stacks, pooler_inside, build_config)
