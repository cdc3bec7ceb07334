"""What happens when the target's disk fills up in the middle of the copy?"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pump_world import Pair, World, assert_equal, make_world

from offramp.kit import processes
from offramp.pump import Link

LINK = Link("orders", "forward", 0)
SMALL, LARGE = "24m", "400m"


@pytest.fixture
def small_disk(server_folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes; only root may mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = processes.own_directory(server_folder / "disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", disk], check=True)
    try:
        yield processes.own_directory(disk / "space")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def pair(server_folder: Path, small_disk: Path) -> Iterator[Pair]:
    world: World = make_world(server_folder)
    try:
        made = world.pair(schema="create table big (id bigserial primary key, filler text not null)")
        with world.target.connect() as admin:
            admin.execute(f"create tablespace small location '{small_disk}'")
            admin.execute(f"alter database {made.name} set tablespace small")
        yield made
    finally:
        world.close()
        world.source.stop(immediately=True)
        world.target.stop(immediately=True)


def test_the_link_says_so_and_goes_on_by_itself_when_there_is_room(pair: Pair, small_disk: Path) -> None:
    app = pair.app()
    app.execute("insert into big (filler) select repeat('x', 400) from generate_series(1, 60000)")
    pair.start(LINK)

    told = pair.wait(LINK, lambda status: status.held_because is not None, what="the reason")
    assert told.held_because is not None
    assert "disk is full" in told.held_because
    assert "storage_gb" in told.held_because
    app.execute("insert into big (filler) values ('the application never notices')")

    subprocess.run(["mount", "-o", f"remount,size={LARGE}", small_disk.parent], check=True)
    live = pair.wait(LINK, lambda status: status.phase == "live" and status.held_because is None, what="the live phase")
    assert live.differences == 0
    pair.drain(LINK)
    assert_equal(pair)
