"""Can every mend be carried out: do its commands exist, do its diffs apply, do its options mean something?"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import botocore.session
import click
import pytest
from botocore import xform_name
from feasible import EXAMPLE, app, estate, example_source, found, mentoring, process
from feasible_mends import EVERY, lines

from offramp.assess.feasibility.model import Commands, Patch
from offramp.assess.feasibility.readings import Readings, SourceFile
from offramp.assess.feasibility.verdicts import judge
from offramp.cli.main import offramp as command_line

AWS_OPTIONS = {"query", "region", "output", "profile"}


def test_a_line_to_run_is_a_remark_or_a_program_that_operators_have() -> None:
    programs = {
        line.split()[0]
        for finding in EVERY
        for mend in finding.mends
        if isinstance(mend, Commands)
        for line in mend.lines
    }

    assert programs == {"#", "heroku", "aws", "dig", "offramp"}


def test_every_line_is_one_that_a_shell_can_read() -> None:
    for program in ("heroku", "aws", "dig", "offramp"):
        assert lines(program)
        for line in lines(program):
            assert shlex.split(line)


@pytest.mark.parametrize("line", lines("offramp"))
def test_an_offramp_command_is_there(line: str) -> None:
    command: click.Command = command_line
    for word in shlex.split(line)[1:]:
        if not isinstance(command, click.Group):
            break
        assert word in command.commands
        command = command.commands[word]


@pytest.mark.parametrize("line", lines("aws"))
def test_an_aws_command_and_its_options_are_in_botocores_model(line: str) -> None:
    _, service, operation, *words = shlex.split(line)
    name = {"logs": "logs"}.get(service, service)
    if operation == "sync":
        return  # The command line's own, not an operation of S3.
    model = botocore.session.get_session().get_service_model(name)
    operations = {xform_name(one).replace("_", "-"): one for one in model.operation_names}
    custom = {("logs", "tail")}
    if (service, operation) in custom:
        return

    assert operation in operations
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(member).replace("_", "-") for member in (shape.members if shape else {})} | AWS_OPTIONS
    for word in words:
        if word.startswith("--"):
            assert word[2:].partition("=")[0] in known


def gunicorn_options() -> Iterator[str]:
    for line in lines("heroku"):
        if found := re.search(r"GUNICORN_CMD_ARGS=(.*)$", " ".join(shlex.split(line)[:3])):
            yield found[1]


@pytest.mark.parametrize("options", sorted(set(gunicorn_options())))
def test_gunicorn_itself_takes_the_options_that_we_advise(options: str, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text("def app(environ, start): ...")
    (tmp_path / "gunicorn.conf.py").write_text("control_socket_disable = True")
    asked = [sys.executable, "-m", "gunicorn", "--print-config", "served:app"]
    said = subprocess.run(
        asked,
        cwd=tmp_path,
        env={**os.environ, "GUNICORN_CMD_ARGS": options},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for name, value in re.findall(r"--(keep-alive|max-requests|max-requests-jitter) (\d+)", options):
        assert re.search(
            rf"^{name.replace('-', '_').replace('keep_alive', 'keepalive')}\s+= {value}$", said, re.MULTILINE
        )


def applied(patch: Patch, folder: Path) -> str:
    """Apply a patch as a person would, and return what git says it changes."""
    (folder / "change.diff").write_text(patch.diff)
    check = ["git", "apply", "--check", "--verbose", "change.diff"]
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    done = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run(["git", "apply", "change.diff"], cwd=folder, check=True)
    return done.stderr


def laid_out(files: tuple[SourceFile, ...], folder: Path) -> None:
    for file in files:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.text)


def test_a_diff_of_the_examples_configuration_applies_and_mends(tmp_path: Path) -> None:
    """The example keeps connections for 75 s; with gunicorn's 2 s it would be told to change its file."""
    short = tuple(
        replace(file, text=file.text.replace("keepalive = 75", "keepalive = 2"))
        for file in example_source("mentors-api")
    )
    (finding,) = (
        one
        for one in judge(mentoring(), (), Readings(files=short)).findings
        if (one.key == "keep-alive-short" and not one.certain) or one.key == "keep-alive-short"
    )
    patch = next(mend for mend in finding.mends if isinstance(mend, Patch))
    laid_out(short, tmp_path)

    assert patch.app == "mentors-api"
    assert "gunicorn.conf.py" in applied(patch, tmp_path)
    assert "keepalive = 75" in (tmp_path / "gunicorn.conf.py").read_text()
    assert (tmp_path / "gunicorn.conf.py").read_text() == (EXAMPLE / "mentors-api" / "gunicorn.conf.py").read_text()


def test_a_pooler_is_taken_out_of_a_procfile_by_a_diff(tmp_path: Path) -> None:
    command = "bin/start-pgbouncer gunicorn front.wsgi --workers 1"
    world = estate(app("web", process("web", command)))
    source = SourceFile("web", "Procfile", f"web: {command}\nrelease: true")
    (finding,) = found("pooler-in-the-dyno", world, Readings(files=(source,)))
    (patch,) = finding.mends
    assert isinstance(patch, Patch)
    laid_out((source,), tmp_path)
    applied(patch, tmp_path)

    assert (tmp_path / "Procfile").read_text() == "web: gunicorn front.wsgi --workers 1\nrelease: true"


def test_a_project_file_for_several_buildpacks_is_made_by_a_diff(tmp_path: Path) -> None:
    world = estate(replace(app("web"), buildpacks=("heroku/nodejs", "heroku/python")))
    (finding,) = found("several-buildpacks", world, Readings())
    (patch,) = finding.mends
    assert isinstance(patch, Patch)
    applied(patch, tmp_path)

    assert re.findall(r'id = "(.+)"', (tmp_path / "project.toml").read_text()) == ["heroku/nodejs", "heroku/python"]
