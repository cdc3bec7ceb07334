"""Do real logs, imported into a real store, say to the rules what happened?"""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feasible import EXAMPLE, app, database, estate, process

from offramp.assess.feasibility import hearing, taking
from offramp.assess.feasibility.readings import ConnectionsSeen, JobSeen, Readings, TrafficSeen
from offramp.assess.feasibility.verdicts import judge
from offramp.telemetry.store import Store

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
ROUTED = (
    'heroku[router]: at={at} {code}method=GET path="{path}" host=shop.example request_id=7d3e{number:04}-1b2c-4d5e-8f90-a1b2c3d4e5f6 '
    'fwd="203.0.113.17" dyno=web.1 connect=0ms service={service}ms status={status} bytes=512 protocol=http1.1 tls=true tls_version=tls1.3'
)


def line(hours: float, text: str) -> str:
    return f"{(BEGIN + timedelta(hours=hours)).isoformat(timespec='microseconds')} {text}\n"


def routed(hours: float, path: str = "/", status: int = 200, code: str = "", service: int = 20) -> str:
    said = f'code={code} desc="Something" ' if code else ""
    at = "error" if code else "info"
    return line(
        hours, ROUTED.format(at=at, code=said, path=path, number=int(hours * 60), service=service, status=status)
    )


def log() -> str:
    """Two days of one app: timeouts, a websocket, memory that grows and a restart, a job each hour, and a database."""
    lines = [
        routed(0.1),
        routed(0.2, "/socket", 101),
        routed(0.3, "/reports/7", 503, "H12", 30_000),
        routed(0.4, "/reports/8", 503, "H12", 30_000),
    ]
    for hour in range(48):
        used = 300 + 5 * (hour % 24)
        lines.append(
            line(
                hour,
                f"heroku[web.1]: source=web.1 dyno=heroku.1 sample#memory_total={used}.00MB sample#memory_quota=512.00MB",
            )
        )
        lines.append(
            line(hour + 0.01, f"heroku[scheduler.{hour + 100}]: Starting process with command `python tidy.py`")
        )
        lines.append(line(hour + 0.02, f"heroku[scheduler.{hour + 100}]: State changed from up to complete"))
        lines.append(
            line(
                hour + 0.03,
                f"app[heroku-postgres]: source=DATABASE addon=postgresql-shop sample#active-connections={10 + hour % 7}",
            )
        )
    lines += [
        line(47.5, "heroku[web.1]: Error R14 (Memory quota exceeded)"),
        line(47.6, "heroku[web.1]: Error R14 (Memory quota exceeded)"),
    ]
    return "".join(lines)


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "shop.log").write_text(log())
    world = estate(app("shop"), app("silent"), databases=(database("shop"),))
    with Store(folder / "store") as store:
        store.take([folder / "shop.log"], now=BEGIN.timestamp() + 200_000, app="shop", workers=1)
        return taking.logs(Readings(), store, world)


def test_codes_come_with_how_often_and_where(readings: Readings) -> None:
    assert [(one.code, one.times, one.process) for one in readings.codes] == [("H12", 2, None), ("R14", 2, "web")]
    assert readings.codes[0].example is not None
    assert "/reports/" in readings.codes[0].example


def test_websockets_are_counted_among_requests(readings: Readings) -> None:
    assert readings.traffic == (TrafficSeen("shop", 4, upgrades=1),)


def test_memory_grows_between_restarts_and_not_across_them(readings: Readings) -> None:
    (web,) = readings.memory

    assert (web.process, web.quota_mb, web.peak_mb) == ("web", 512, 415)
    assert web.growth_mb_per_day == pytest.approx(120, rel=0.01)


def test_jobs_come_with_their_interval(readings: Readings) -> None:
    assert readings.jobs == (JobSeen("shop", "python tidy.py", 48, "hour"),)


def test_the_most_connections_are_known(readings: Readings) -> None:
    assert readings.connections == (ConnectionsSeen("postgresql-shop", 16),)


def test_the_span_of_the_logs_is_known(readings: Readings) -> None:
    assert readings.log_days == pytest.approx(2, rel=0.05)


def test_what_was_heard_is_judged(readings: Readings) -> None:
    found = {one.key for one in judge(estate(app("shop"), databases=(database("shop"),)), (), readings).findings}

    assert found >= {
        "requests-over-30s",
        "memory-over-quota",
        "memory-grows",
        "idle-streams",
        "scheduler-jobs-unlisted",
    }
    assert not any("No logs" in sentence for sentence in judge(estate(app("shop")), (), readings).unseen)


def test_nothing_is_heard_of_an_app_without_lines(readings: Readings) -> None:
    assert {one.app for one in readings.codes} == {one.app for one in readings.traffic} == {"shop"}


def test_the_source_of_an_app_is_its_text_files() -> None:
    files = {file.path: file.text for file in taking.source("web", EXAMPLE / "web")}

    assert {"Procfile", "gunicorn.conf.py", "requirements.txt", "front/settings.py"} <= set(files)
    assert "front/assets/icon.svg" not in files
    assert files["Procfile"] == (EXAMPLE / "web" / "Procfile").read_text()


def test_installed_packages_and_large_files_are_not_source(tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "left.js").write_text("x")
    (tmp_path / "large.js").write_text("x" * (taking.MOST_BYTES + 1))
    (tmp_path / "odd.py").write_bytes(b"\xff\xfe\x00")

    assert [file.path for file in taking.source("shop", tmp_path)] == ["odd.py"]


def test_a_folder_that_is_not_there_is_said() -> None:
    with pytest.raises(OSError):
        taking.source("shop", EXAMPLE / "nowhere")


def test_the_examples_in_docstrings_hold() -> None:
    failed, tried = doctest.testmod(hearing)

    assert (failed, tried) == (0, 2)


def test_a_worker_with_a_clock_is_not_taken_for_a_job_of_scheduler() -> None:
    world = estate(app("shop", process("clock", "python clock.py")))

    assert {one.key for one in judge(world, (), Readings()).findings} >= {"clock-process"}
