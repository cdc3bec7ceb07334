"""Our own AWS clients, pointed at an emulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cloud_world import Cloud, running

from offramp.aws import Clients

REGION = "us-east-1"


@contextmanager
def emulated() -> Iterator[tuple[Clients, Cloud]]:
    """Start a cloud and yield our clients for it."""
    with running() as cloud, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Clients(REGION, cloud.endpoint), cloud
