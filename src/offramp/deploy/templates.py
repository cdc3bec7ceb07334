"""Which CloudFormation templates follow for the gateway and for each app? Pure: the files beside this one, stamped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..aws.templates import identifier, literal, read, stamp
from ..design.model import Blueprint, Job, Service
from ..nginx import Site
from ..nginx import render as render_nginx
from .model import apps, drain_seconds, pooler_secret, schedule_name

PACKAGE = __package__ or "offramp.deploy"
# Fargate allows 120 s at most; an ordinary web task gets ample time beyond its drain and its last request.
STOP_WEB, STOP_LONGEST = 90, 120
REQUEST_SECONDS = 30
_EVERY = {"10 minutes": "rate(10 minutes)", "hour": "rate(1 hour)", "day": "rate(1 day)"}

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Config:
    """What a template says of an app's configuration: the secret's ARN and the names of its keys."""

    arn: str
    names: tuple[str, ...]


def gateway(want: Blueprint, *, token_arn: str, heroku_api: str) -> str:
    """Return the template of the pooler and the gateway."""
    return stamp(
        read(PACKAGE, "head.yaml"),
        What=f"the gateway and the pooler of {want.name}",
        Parameters="",
        Resources=_pooler(want, token_arn, heroku_api) + _gateway(want),
    )


def _pooler(want: Blueprint, token_arn: str, heroku_api: str) -> str:
    plan = want.pooler
    ports = ("--port", str(plan.port), "--control-port", str(plan.control_port))
    check = health_check(plan.control_port, "/healthz", None)
    return (
        _task(
            want,
            "Pooler",
            "pooler",
            image=plan.image,
            command=("python", "-m", "offramp.pooler", "--secret", pooler_secret(want), *ports),
            size=(plan.cpu, plan.memory),
            stop=STOP_LONGEST,
            env=(("HEROKU_API_URL", heroku_api),),
            secrets=(("HEROKU_API_KEY", token_arn),),
            role="pooler-role",
            listening=_listening(plan.port, check),
        )
        + stamp(read(PACKAGE, "registry.yaml"), Id="Pooler", Service="pooler", Name=want.name)
        + _service(want, "Pooler", "pooler", 1, reached=_REGISTERED.format(id="Pooler"))
    )


def _gateway(want: Blueprint) -> str:
    plan = want.gateway
    drain = max((drain_seconds(service) for service in want.services if service.web), default=15)
    # One worker serves 30,000 requests a second on a whole core.
    conf = render_nginx(sites(want), port=plan.port, workers=max(1, plan.cpu // 1024))
    env = (("GATEWAY_CONF", base64.b64encode(conf.encode()).decode()), ("OFFRAMP_DRAIN", str(drain)))
    reached = (
        "      HealthCheckGracePeriodSeconds: 60\n"
        "      LoadBalancers:\n"
        f"        - {{ContainerName: main, ContainerPort: {plan.port}, TargetGroupArn: !ImportValue {want.name}-gateway-targets}}\n"
    )
    return _task(
        want,
        "Gateway",
        "gateway",
        image=plan.image,
        command=("sh", "-c", read(PACKAGE, "gateway.sh")),
        size=(plan.cpu, plan.memory),
        stop=stop_timeout(drain),
        env=env,
        listening=_listening(plan.port, health_check(plan.port, "/healthz", None)),
    ) + _service(want, "Gateway", "gateway", plan.count, reached=reached)


def sites(want: Blueprint) -> tuple[Site, ...]:
    """Return what the gateway serves: every app that has a public name and a web process."""
    found = []
    for app in apps(want):
        hostnames = tuple(domain.hostname for domain in want.domains if domain.app == app)
        web = next((service for service in want.services if service.app == app and service.web), None)
        if hostnames and web is not None and web.port is not None:
            found.append(Site(app, hostnames, f"{web.name}.{want.namespace}", web.port))
    return tuple(found)


def app(want: Blueprint, name: str, config: Config) -> str:
    """Return the template of one app: its services and its scheduled jobs.

    Parameters: ``ConfigVersion``, and what others decide: ``<Worker>Count`` and ``<Job>State`` (see ``kept_parameters``).
    """
    services = [service for service in want.services if service.app == name]
    jobs = [job for job in want.jobs if job.app == name]
    parameters = "  ConfigVersion: {Type: String, Description: Fingerprint of the configuration}\n"
    parameters += "".join(
        f"  {worker_parameter(service)}: {{Type: Number, MinValue: 0}}\n" for service in services if not service.web
    )
    parameters += "".join(
        f"  {job_parameter(want, job)}: {{Type: String, AllowedValues: [ENABLED, DISABLED]}}\n" for job in jobs
    )
    return stamp(
        read(PACKAGE, "head.yaml"),
        What=f"the app {name} of {want.name}",
        Parameters=parameters,
        Resources="".join(_app_service(want, service, config) for service in services)
        + "".join(_jobs(want, name, jobs, services, config)),
    )


def worker_parameter(service: Service) -> str:
    """Return the name of the parameter that says how many tasks of a process without requests run."""
    return f"{identifier(service.process)}Count"


def job_parameter(want: Blueprint, job: Job) -> str:
    """Return the name of the parameter that says whether a job's schedule is on."""
    return f"{_job_id(want, job)}State"


def _job_id(want: Blueprint, job: Job) -> str:
    return f"Job{schedule_name(want, job)[-8:]}"


def _app_service(want: Blueprint, service: Service, config: Config) -> str:
    key = identifier(service.process)
    listening, reached, registry = "", "", ""
    env: Pairs = service.env
    command: tuple[str, ...] = ("sh", "-c", service.command)
    if service.port is not None:
        host = next((domain.hostname for domain in want.domains if domain.app == service.app), None)
        listening = _listening(service.port, health_check(service.port, service.health_path or "/", host))
        registry = stamp(read(PACKAGE, "registry.yaml"), Id=key, Service=service.name, Name=want.name)
        reached = _REGISTERED.format(id=key)
        env = (("PORT", str(service.port)), *env)
        command = ("sh", "-c", read(PACKAGE, "drain.sh"), "offramp-drain", service.command)
    return (
        _task(
            want,
            key,
            service.name,
            image=service.image,
            command=command,
            size=(service.cpu, service.memory),
            stop=stop_timeout(drain_seconds(service)) if service.web else STOP_LONGEST,
            env=env,
            secrets=_config_secrets(config, env),
            listening=listening,
            versioned=True,
        )
        + registry
        + _service(
            want,
            key,
            service.name,
            service.count if service.web else f"!Ref {worker_parameter(service)}",
            reached=reached,
        )
    )


def _jobs(
    want: Blueprint, name: str, jobs: Sequence[Job], services: Sequence[Service], config: Config
) -> Iterator[str]:
    """Yield the task definition that scheduled jobs run in, sized like the app's first process, and their schedules."""
    if not jobs:
        return
    first = services[0]
    yield _task(
        want,
        "Jobs",
        f"{name}-jobs",
        image=first.image,
        command=("sh", "-c", "echo 'The schedule says which command runs.'"),
        size=(first.cpu, first.memory),
        stop=STOP_LONGEST,
        env=first.env,
        secrets=_config_secrets(config, first.env),
        versioned=True,
    )
    for job in jobs:
        override = {"containerOverrides": [{"name": "main", "command": ["sh", "-c", job.command]}]}
        yield stamp(
            read(PACKAGE, "job.yaml"),
            Id=_job_id(want, job),
            Name=want.name,
            Schedule=schedule_name(want, job),
            Description=literal(f"{job.command[:200]} (every {job.every} on Heroku)"),
            Expression=_EVERY[job.every],
            Task="JobsTask",
            Input=literal(json.dumps(override)),
        )


_REGISTERED = "      ServiceRegistries: [{{RegistryArn: !GetAtt {id}Registry.Arn}}]\n"


def _service(want: Blueprint, key: str, name: str, count: int | str, *, reached: str) -> str:
    return stamp(read(PACKAGE, "service.yaml"), Id=key, Name=want.name, Service=name, Count=count, Reached=reached)


def _task(
    want: Blueprint,
    key: str,
    name: str,
    *,
    image: str,
    command: Sequence[str],
    size: tuple[int, int],
    stop: int,
    env: Pairs = (),
    secrets: Pairs = (),
    role: str = "task-role",
    listening: str = "",
    versioned: bool = False,
) -> str:
    variables: list[Mapping[str, object]] = [{"Name": name, "Value": value} for name, value in env]
    if versioned:
        variables.append({"Name": "CONFIG_VERSION", "Value": {"Ref": "ConfigVersion"}})
    return stamp(
        read(PACKAGE, "task.yaml"),
        Id=key,
        Name=want.name,
        Family=f"{want.name}-{name}",
        Prefix=name,
        Cpu=size[0],
        Memory=size[1],
        Role=role,
        Image=literal(image),
        Command=_block([literal(part) for part in command]),
        StopTimeout=stop,
        Listening=listening,
        Environment=_block([json.dumps(variable) for variable in variables]),
        Secrets=_block([json.dumps({"Name": name, "ValueFrom": arn}) for name, arn in secrets]),
    )


def _block(items: Sequence[str]) -> str:
    """Return a YAML list of flow items under a container's key, one a line so that a diff shows single ones."""
    return "".join(f"\n            - {item}" for item in items) if items else "[]"


def _listening(port: int, check: str) -> str:
    return stamp(read(PACKAGE, "listening.yaml"), Port=port, Check=literal(check))


def _config_secrets(config: Config, env: Pairs) -> Pairs:
    """Return every config var that the service's own variables do not replace."""
    replaced = {name for name, _ in env}
    return [(name, f"{config.arn}:{name}::") for name in config.names if name not in replaced]


def stop_timeout(drain: int) -> int:
    """Return how long ECS waits between SIGTERM and SIGKILL: drain, last request and a little more, as far as Fargate goes.

    >>> stop_timeout(15), stop_timeout(80)
    (90, 115)
    """
    return min(STOP_LONGEST, max(STOP_WEB, drain + REQUEST_SECONDS + 5))


def health_check(port: int, path: str, host: str | None) -> str:
    """Return the shell command that asks a container whether it is well; images have curl, wget or Python, rarely none.

    ``host`` is sent as the Host header, since applications refuse names they do not know.
    """
    url = f"http://${{BIND_ADDRESS:-127.0.0.1}}:{port}{path}"
    header = f" --header 'Host: {host}'" if host else ""
    python = "import sys,urllib.request as r;r.urlopen(r.Request(sys.argv[1],headers=dict([sys.argv[2:4]]*(len(sys.argv)>3))),timeout=4)"
    argument = f" Host {host}" if host else ""
    return (
        f'u="{url}"; '
        f'if command -v curl >/dev/null; then curl -fsS -m 4 -o /dev/null{header} "$u"; '
        f'elif command -v wget >/dev/null; then wget -q -T 4 -O /dev/null{header} "$u"; '
        f'else python3 -c "{python}" "$u"{argument}; fi'
    )
