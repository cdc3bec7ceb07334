"""The example's blueprint and footprint as values, for tests of the stages that speak to AWS."""

from __future__ import annotations

from offramp.design.model import (
    Blueprint,
    CachePlan,
    CutoverPlan,
    DatabasePlan,
    DomainPlan,
    Gateway,
    Job,
    OriginPlan,
    Pooler,
    Release,
    Service,
    ShiftPlan,
    Wave,
)
from offramp.provision.model import CacheEndpoint, DatabaseEndpoint, Footprint

REGISTRY = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:mentoring/config/sessions-api-AbCdEf"


def blueprint() -> Blueprint:
    """Two APIs with a database and a cache each, one worker, one job, and a front end."""
    return Blueprint(
        name="mentoring",
        region="us-east-1",
        cidr="10.80.0.0/16",
        namespace="mentoring.internal",
        zone="mentoring.example",
        services=(
            Service(
                "mentors-api",
                "web",
                f"{REGISTRY}/mentors-api:v3",
                "gunicorn mentors.wsgi",
                512,
                1024,
                1,
                8000,
                "/healthz",
            ),
            Service(
                app="sessions-api",
                process="web",
                image=f"{REGISTRY}/sessions-api:v3",
                command='gunicorn sessions.wsgi --log-format "%(m)s"',
                cpu=512,
                memory=1024,
                count=2,
                port=8000,
                health_path="/healthz",
                env=(("MENTORS_API_URL", "https://mentors.mentoring.example"), ("OFFRAMP_DRAIN", "3")),
            ),
            Service("sessions-api", "worker", f"{REGISTRY}/sessions-api:v3", "python manage.py work", 512, 1024, 2),
            Service("web", "web", f"{REGISTRY}/web:v3", "gunicorn web.wsgi", 256, 512, 1, 8000, "/healthz"),
        ),
        releases=(Release("sessions-api", "python manage.py migrate"),),
        jobs=(Job("sessions-api", "python manage.py expire_sessions", "10 minutes"),),
        databases=(database("mentors-api"), database("sessions-api")),
        caches=(cache("mentors-api"), cache("sessions-api")),
        domains=(
            DomainPlan("mentors.mentoring.example", "mentors-api", "mentors.herokudns.com"),
            DomainPlan("sessions.mentoring.example", "sessions-api", "sessions.herokudns.com"),
        ),
        origins=(OriginPlan("web", "SESSIONS_API_ORIGIN", "https://sessions.mentoring.example"),),
        gateway=Gateway(f"{REGISTRY}/offramp-nginx:1", 2, 8080),
        pooler=Pooler(f"{REGISTRY}/offramp-pgbouncer:1", 6432, 6433, 20),
        waves=(
            Wave(
                "main",
                ("mentors-api", "sessions-api"),
                ("mentors-api", "sessions-api"),
                ("mentors-api", "sessions-api"),
            ),
        ),
        shift=ShiftPlan((10, 50, 100), 300, 0.01),
        cutover=CutoverPlan(20, 5),
        offramp_image=f"{REGISTRY}/offramp:1",
    )


def database(app: str) -> DatabasePlan:
    return DatabasePlan(app, app, "DATABASE_URL", f"pg-{app}", "db.t4g.medium", 64, "18.1", (f"{app}:DATABASE_URL",))


def cache(app: str) -> CachePlan:
    return CachePlan(app, app, "REDIS_URL", f"redis-{app}", "cache.t4g.small", (f"{app}:REDIS_URL",))


def footprint() -> Footprint:
    """Where that stands once it is provisioned."""
    names = ("mentors-api", "sessions-api")
    return Footprint(
        vpc="vpc-1",
        private_subnets=("subnet-1", "subnet-2"),
        app_security_group="sg-1",
        cluster="mentoring",
        namespace_id="ns-1",
        load_balancer_dns="mentoring-1.us-east-1.elb.amazonaws.com",
        load_balancer_name="app/mentoring/1",
        gateway_targets="arn:targets",
        log_group="/mentoring/tasks",
        execution_role="arn:execution",
        task_role="arn:task",
        pooler_role="arn:pooler",
        scheduler_role="arn:scheduler",
        databases=tuple(
            DatabaseEndpoint(name, f"{name}.rds", 5432, name.replace("-", "_"), f"mentoring/database/{name}")
            for name in names
        ),
        caches=tuple(CacheEndpoint(name, f"{name}.cache", 6379, f"mentoring/cache/{name}") for name in names),
    )
