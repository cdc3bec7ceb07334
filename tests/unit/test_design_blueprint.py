"""Is the draft never smaller than Heroku, does the file keep every word, and does each wrong edit get an answer?"""

from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path

import pytest

from offramp.assess import sizes
from offramp.design import act, file, fit, judge, look, origins, propose, reader, writer
from offramp.design.model import Blueprint, Service
from offramp.design.seen import Seen, WriteBlueprint
from offramp.discover import file as estate_file
from offramp.discover.model import (
    App,
    Cache,
    ConfigVar,
    Database,
    Domain,
    Estate,
    ProcessType,
    Schedule,
)
from offramp.engine.verdict import Ask, Do, Met, Refuse
from offramp.errors import UsageError
from offramp.settings import Settings

TOML = """\
name = "mentoring"
[aws]
region = "us-east-1"
account = "000000000000"
[design]
gateway_port = 8123
health_paths = { mentors-api = "/health" }
"""


def settings(directory: Path = Path("work"), extra: str = "") -> Settings:
    return Settings.parse(TOML + extra, directory)


def process(kind: str, quantity: int = 1, size: str = "Standard-1X", memory_mb: int = 512) -> ProcessType:
    return ProcessType(kind, f"run {kind}", quantity, size, memory_mb)


def app(
    name: str, *processes: ProcessType, config: tuple[ConfigVar, ...] = (), domain: str | None = None, release: str | None = None
) -> App:  # fmt: skip
    return App(
        name=name,
        id=f"{name}-id",
        stack="heroku-24",
        generation="cedar",
        region="us",
        maintenance=False,
        default_host=f"{name}-1a2b.herokuapp.com",
        buildpacks=("heroku/python",),
        processes=processes,
        release_command=release,
        release_version=3,
        config=config,
        domains=(Domain(domain, f"x.{name}.herokudns.com"),) if domain else (),
        drains=(),
    )


def call(name: str, target: str, path: str = "") -> ConfigVar:
    return ConfigVar(name, "0123456789ab", None, target, f"http://{target}-1a2b.herokuapp.com:8123{path}")


def database(owner: str, plan: str = "standard-0", **changes: object) -> Database:
    made = Database(
        addon=f"pg-{owner}",
        app=owner,
        config_var="DATABASE_URL",
        plan=f"heroku-postgresql:{plan}",
        server_version=150018,
        bytes=1_000_000_000,
        connection_limit=120,
        extensions=("plpgsql",),
        tables=(),
        attached_to=(f"{owner}:DATABASE_URL",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # test data, checked by running


ESTATE = Estate(
    apps=(
        app("mentors-api", process("web", 1, "Standard-2X", 1024), domain="mentors.mentoring.example", release="migrate"),
        app(
            "sessions-api",
            process("web", 2),
            process("worker"),
            config=(call("MENTORS_API_URL", "mentors-api", "/api"),),
            domain="sessions.mentoring.example",
        ),
        app("web", process("web"), config=(call("SESSIONS_API_ORIGIN", "sessions-api"),), domain="www.mentoring.example"),
    ),
    databases=(database("mentors-api"), database("sessions-api")),
    caches=(Cache("redis-1", "sessions-api", "REDIS_URL", "heroku-redis:premium-0", 50, ("sessions-api:REDIS_URL",)),),
    others=(),
    schedules=(Schedule("sessions-api", "tidy", "10 minutes"),),
    monthly_cents=10_000,
)  # fmt: skip


def draft(estate: Estate = ESTATE, extra: str = "") -> Blueprint:
    return propose.propose(estate, settings(extra=extra))


def service(blueprint: Blueprint, name: str) -> Service:
    return next(one for one in blueprint.services if one.name == name)


def test_each_process_type_becomes_a_service() -> None:
    made = draft()

    assert [(s.name, s.count) for s in made.services] == [
        ("mentors-api-web", 1),
        ("sessions-api-web", 2),
        ("sessions-api-worker", 1),
        ("web-web", 1),
    ]
    assert service(made, "mentors-api-web").health_path == "/health"
    assert (service(made, "sessions-api-worker").port, service(made, "sessions-api-web").port) == (None, 8000)
    assert service(made, "web-web").image == "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:v3"


@pytest.mark.parametrize(
    ("dyno", "memory_mb", "expected"),
    [
        ("Eco", 512, (256, 512)),
        ("Basic", 512, (256, 512)),
        ("Standard-1X", 512, (256, 512)),
        ("Standard-2X", 1024, (512, 1024)),
        ("Performance-M", 2560, (1024, 3072)),
        ("Performance-L", 14_336, (2048, 14_336)),
        ("Performance-L-RAM", 30_720, (4096, 30_720)),
        ("Performance-XL", 63_488, (16_384, 65_536)),
        ("Private-S", 1024, (512, 1024)),
        ("Shield-M", 2560, (1024, 3072)),
    ],
)
def test_a_task_is_never_smaller_than_its_dyno(dyno: str, memory_mb: int, expected: tuple[int, int]) -> None:
    found = sizes.task(dyno, memory_mb)

    assert expected == (found.cpu, found.memory)
    assert found.memory in sizes.FARGATE_MEMORY_MB[found.cpu]


@pytest.mark.parametrize(
    ("plan", "instance_class", "storage_gb"),
    [
        ("essential-0", "db.t4g.micro", 20),
        ("standard-0", "db.t4g.medium", 64),
        ("premium-3", "db.r7g.large", 512),
        ("standard-5", "db.r7g.2xlarge", 1024),
        ("premium-10", "db.r8g.48xlarge", 4096),
    ],
)
def test_a_database_is_never_smaller_than_its_plan(plan: str, instance_class: str, storage_gb: int) -> None:
    estate = replace(ESTATE, databases=(database("mentors-api", plan),))

    (found,) = draft(estate).databases

    assert (instance_class, storage_gb) == (found.instance_class, found.storage_gb)


def test_storage_leaves_room_for_the_load() -> None:
    estate = replace(ESTATE, databases=(database("mentors-api", bytes=60 * 1024**3),))

    assert draft(estate).databases[0].storage_gb == 90


def test_two_databases_of_one_app_have_two_names() -> None:
    second = database("mentors-api", addon="pg-2", config_var="ANALYTICS_URL")
    estate = replace(ESTATE, databases=(database("mentors-api"), second))

    assert [plan.name for plan in draft(estate).databases] == ["mentors-api-database", "mentors-api-analytics"]


def test_calls_go_to_the_domain_with_scheme_port_and_path_kept() -> None:
    assert dict(service(draft(), "sessions-api-worker").env) == {
        "MENTORS_API_URL": "http://mentors.mentoring.example:8123/api"
    }


def test_only_front_ends_change_on_heroku() -> None:
    assert [(plan.app, plan.config_var, plan.value) for plan in draft().origins] == [
        ("web", "SESSIONS_API_ORIGIN", "http://sessions.mentoring.example:8123")
    ]


def test_an_app_without_a_domain_is_called_where_it_is() -> None:
    bare = replace(ESTATE.apps[0], domains=())
    estate = replace(ESTATE, apps=(bare, *ESTATE.apps[1:]))

    assert origins.env(estate.apps[1], estate) == (
        ("MENTORS_API_URL", "http://mentors-api-1a2b.herokuapp.com:8123/api"),
    )


def test_a_wildcard_domain_moves_but_nobody_is_sent_there() -> None:
    wild = replace(ESTATE.apps[0], domains=(Domain("*.mentoring.example", "x.herokudns.com"), *ESTATE.apps[0].domains))
    estate = replace(ESTATE, apps=(wild, *ESTATE.apps[1:]))
    made = draft(estate)

    assert file.parse(writer.render(made, estate)) == made
    assert dict(service(made, "sessions-api-web").env)["MENTORS_API_URL"] == "http://mentors.mentoring.example:8123/api"


def test_apps_that_call_each_other_switch_together() -> None:
    (wave,) = draft().waves

    assert (wave.name, wave.apps) == ("main", ("mentors-api", "sessions-api", "web"))
    assert (wave.databases, wave.caches) == (("mentors-api", "sessions-api"), ("sessions-api",))


def test_strangers_switch_on_their_own() -> None:
    estate = replace(ESTATE, apps=(*ESTATE.apps, app("blog", process("web"), domain="blog.mentoring.example")))

    assert [(wave.name, wave.apps) for wave in draft(estate).waves] == [
        ("blog", ("blog",)),
        ("mentors-api", ("mentors-api", "sessions-api", "web")),
    ]


def test_a_shared_database_ties_apps_together() -> None:
    shared = database("mentors-api", attached_to=("mentors-api:DATABASE_URL", "reports:MENTORS_URL"))
    estate = Estate((app("mentors-api"), app("reports"), app("zoo")), (shared,), (), (), (), 0)

    assert [wave.apps for wave in draft(estate).waves] == [("mentors-api", "reports"), ("zoo",)]


def test_the_pool_leaves_connections_to_heroku() -> None:
    tight = replace(ESTATE, databases=(database("mentors-api", connection_limit=20),))

    assert (draft().pooler.pool_size, draft(tight).pooler.pool_size) == (20, 6)


@pytest.mark.parametrize(
    ("hosts", "zone"),
    [
        (("a.example.com", "b.example.com"), "example.com"),
        (("example.com", "www.example.com"), "example.com"),
        (("www.example.com",), "example.com"),
        (("example.com",), "example.com"),
        (("a.one.com", "b.two.com"), None),
        ((), None),
    ],
)
def test_the_zone_is_what_the_domains_share(hosts: tuple[str, ...], zone: str | None) -> None:
    estate = replace(ESTATE, apps=tuple(app(f"app{i}", domain=host) for i, host in enumerate(hosts)))

    assert zone == propose.zone_of(estate)


def test_hints_override_the_defaults() -> None:
    made = draft(extra="drain_seconds = 3\n[shift]\nsteps = [100]\n[cutover]\nmax_lag_seconds = 2\n")

    assert dict(service(made, "mentors-api-web").env) == {"OFFRAMP_DRAIN": "3"}
    assert (made.shift.steps, made.cutover.max_lag_seconds, made.gateway.port) == ((100,), 2.0, 8123)


def test_a_blueprint_survives_its_file() -> None:
    made = draft(extra="drain_seconds = 3\n")

    assert file.parse(writer.render(made, ESTATE)) == made


def test_odd_commands_survive_the_file() -> None:
    odd = replace(
        draft().services[0], command='sh -c "echo \\"$PORT\\" # \'x\' \\\\ é"', env=(("A.b", '"'), ("Z", "#"))
    )
    made = replace(draft(), services=(odd, *draft().services[1:]))

    assert file.parse(writer.render(made, ESTATE)) == made


def test_the_file_explains_what_it_replaces() -> None:
    text = writer.render(draft(), ESTATE)

    assert "was 2 x Standard-1X (512 MB)" in text
    assert "was heroku-postgresql:standard-0 (4 GB memory, 64 GB disk), PostgreSQL 15" in text
    assert "was heroku-redis:premium-0 (50 MB)" in text
    assert "env replaces MENTORS_API_URL on Heroku" in text


@pytest.mark.parametrize(
    ("before", "after", "message", "hint"),
    [
        ("memory = 1024", "memory = 900", "Fargate has no memory 900 with cpu 512.", "1024 is the nearest"),
        ("cpu = 512", "cpu = 500", "Fargate has no cpu 500.", "256, 512"),
        ("bake_seconds = 300", "bake_secs = 300", "`bake_secs` is not a key of [shift].", "Did you mean `bake_seconds`?"),
        ("[[service]]", "[[servise]]", "`servise` is not a key of blueprint.toml.", "Did you mean `service`?"),
        ("steps = [10, 50, 100]", "steps = [10, 150]", "`steps` is 150.", "from 1 to 100"),
        ("steps = [10, 50, 100]", "steps = [10, 50]", "`steps` must rise and end at 100.", "[10, 50, 100]"),
        ("max_error_share = 0.01", "max_error_share = 1.5", "`max_error_share` is 1.5.", "from 0 to 1"),
        ("db.t4g.medium", "t4g.medium", "`instance_class` is 't4g.medium'.", "db.t4g.medium"),
        ("storage_gb = 64", "storage_gb = 5", "`storage_gb` is 5.", "from 20"),
        ('engine_version = "18"', 'engine_version = "12"', "`engine_version` is '12'.", "PostgreSQL version"),
        ('every = "10 minutes"', 'every = "week"', "`every` is 'week'.", "10 minutes, hour, day"),
        ("port = 8000", "# no port", "A web service needs a `port`.", "8000"),
        ('health_path = "/health"', 'health_path = "health"', "`health_path` is 'health'.", "slash"),
        ('"www.mentoring.example"', '"www.other.example"', "www.other.example is not in the zone", "One zone"),
        ('hostname = "www.', 'hostname = "sessions.', "There are two [[domain]] called", "rename"),
        ('apps = ["mentors-api", "sessions-api", "web"]', 'apps = ["web", "sessions-api"]', "No [[wave]] has mentors-api.", "`apps`"),
        ('databases = ["mentors-api", ', 'databases = ["gone", ', "A wave names gone", "correct"),
        ('"mentors-api:DATABASE_URL"', '"DATABASE_URL"', "does not name a config var", "app:CONFIG_VAR"),
        ("control_port = 6433", "control_port = 6432", "`control_port` is the same", "another"),
        ("offramp/blueprint/1", "offramp/blueprint/2", "'offramp/blueprint/2'", "'offramp/blueprint/1'"),
        ('value = "http', 'value = "ftp', "`value` is 'ftp", "https://"),
    ],
)  # fmt: skip
def test_a_wrong_edit_is_answered(before: str, after: str, message: str, hint: str) -> None:
    text = writer.render(draft(), ESTATE)
    assert before in text

    with pytest.raises(UsageError) as raised:
        file.parse(text.replace(before, after, 1))
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_wrong_edit_is_found_by_its_line() -> None:
    text = writer.render(draft(), ESTATE)
    line = text.splitlines().index('process = "worker"') + 1

    with pytest.raises(UsageError, match=f"line {line}: `prozess`"):
        file.parse(text.replace('process = "worker"', 'prozess = "worker"'))


def findings(found: Seen, decisions: dict[str, str] | None = None, extra: str = "") -> list[object]:
    return [one.verdict for one in judge.judge(settings(extra=extra), found, decisions or {})]


def test_without_an_estate_there_is_nothing_to_design() -> None:
    (verdict,) = findings(Seen(None, None))

    assert verdict == Refuse("There is no estate.json to design from.", hint="Run `offramp discover` first.")


def test_a_missing_blueprint_is_drafted() -> None:
    (verdict,) = findings(Seen(ESTATE, None))

    assert verdict == Do((WriteBlueprint(draft(), ESTATE),), because="there is no blueprint.toml yet")


def test_a_blueprint_waits_for_approval() -> None:
    (verdict,) = findings(Seen(ESTATE, draft()))

    assert isinstance(verdict, Ask)
    assert (verdict.decision, verdict.answers) == ("design/blueprint", ("approve",))


def test_an_approved_blueprint_is_met() -> None:
    (verdict,) = findings(Seen(ESTATE, draft()), {"design/blueprint": "approve"})

    assert isinstance(verdict, Met)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"services": draft().services[1:]}, "[[service]] for mentors-api web"),
        ({"databases": draft().databases[1:]}, "[[database]] for pg-mentors-api"),
        ({"caches": ()}, "[[cache]] for redis-1"),
        ({"domains": ()}, "[[domain]] for mentors.mentoring.example"),
    ],
)
def test_what_the_estate_has_and_the_blueprint_lacks_is_named(
    change: dict[str, tuple[object, ...]], named: str
) -> None:
    lacking = replace(draft(), **change)  # type: ignore[arg-type]  # test data, checked by running

    (verdict,) = findings(Seen(ESTATE, lacking), {"design/blueprint": "approve"})

    assert isinstance(verdict, Refuse)
    assert named in verdict.because


def test_what_heroku_no_longer_has_is_no_obstacle() -> None:
    retired = replace(ESTATE, databases=(), caches=())

    assert isinstance(findings(Seen(retired, draft()), {"design/blueprint": "approve"})[0], Met)


def test_an_address_that_may_hold_a_secret_must_be_answered_by_hand() -> None:
    hook = ConfigVar("HOOK", "0123456789ab", None, "mentors-api", None)
    estate = replace(ESTATE, apps=(*ESTATE.apps[:2], replace(ESTATE.apps[2], config=(*ESTATE.apps[2].config, hook))))
    answered = replace(
        draft(estate),
        services=tuple(
            replace(one, env=(*one.env, ("HOOK", "https://x"))) if one.app == "web" else one
            for one in draft(estate).services
        ),
    )

    (verdict,) = findings(Seen(estate, draft(estate)))
    assert isinstance(verdict, Refuse) and "HOOK of web" in verdict.because
    assert isinstance(findings(Seen(estate, answered))[0], Ask)


@pytest.mark.parametrize(
    ("estate", "extra", "because"),
    [
        (replace(ESTATE, apps=(app("big", process("web", 1, "Performance-2XL", 129_024), domain="a.example.com"),)), "", "120 GB"),
        (replace(ESTATE, databases=(database("mentors-api", "advanced-9"),)), "", "advanced-9"),
        (ESTATE, 'engine_version = "14"\n', "newer than the 14"),
        (replace(ESTATE, apps=(app("one", domain="a.one.com"), app("two", domain="b.two.com"))), "", "no zone in common"),
        (replace(ESTATE, apps=(app("one"),)), "", "No app has a custom domain."),
        (ESTATE, 'zone = "example.com"\n', "is not in the zone example.com"),
    ],
)  # fmt: skip
def test_what_no_draft_can_solve_is_refused_before_a_file_exists(estate: Estate, extra: str, because: str) -> None:
    verdict = findings(Seen(estate, None), extra=extra)[0]

    assert isinstance(verdict, Refuse)
    assert because in verdict.because


def test_a_blueprint_may_not_plan_an_older_postgres() -> None:
    older = replace(draft(), databases=tuple(replace(plan, engine_version="14") for plan in draft().databases))

    assert any("older than the 15" in refusal.because for refusal in fit.misfits(older, ESTATE))


def test_the_stage_reads_its_files_and_never_overwrites_the_blueprint(tmp_path: Path) -> None:
    want = settings(tmp_path)
    want.estate_path.write_text(estate_file.dump(ESTATE))
    assert look.read(want) == Seen(ESTATE, None)

    assert file.create(want.blueprint_path, draft(), ESTATE)
    want.blueprint_path.write_text(want.blueprint_path.read_text().replace("count = 2", "count = 3"))
    assert not file.create(want.blueprint_path, draft(), ESTATE)

    assert look.read(want).blueprint == file.read(want.blueprint_path)
    assert "count = 3" in want.blueprint_path.read_text()


def test_the_examples_in_the_docstrings_hold() -> None:
    assert [doctest.testmod(module).failed for module in (sizes, propose, reader, act)] == [0, 0, 0, 0]
