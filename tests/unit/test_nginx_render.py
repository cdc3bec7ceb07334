"""Which configuration does the gateway get?"""

from __future__ import annotations

import pytest
from golden import same_as_golden

from offramp.errors import UsageError
from offramp.nginx import Site, render
from offramp.nginx.render import PLACEHOLDERS

MENTORS = Site("mentors-api", ("mentors.mentoring.example",), "mentors-api-web.mentoring.internal", 8000)
WEB = Site("web", ("www.mentoring.example", "mentoring.example"), "web-web.mentoring.internal", 8001)


def test_the_configuration_is_the_one_that_was_read() -> None:
    assert same_as_golden("gateway.conf", render([WEB, MENTORS], port=8080))


def test_the_order_of_sites_does_not_change_the_configuration() -> None:
    assert render([WEB, MENTORS], port=8080) == render([MENTORS, WEB], port=8080)


def test_the_placeholders_are_in_the_configuration() -> None:
    text = render([MENTORS], port=8080)

    assert all(placeholder in text for placeholder in PLACEHOLDERS)


@pytest.mark.parametrize(
    "site",
    [
        Site("Mentors", ("a.example",), "a.internal", 1),
        Site("a", ("a.example; return 200",), "a.internal", 1),
        Site("a", ("a.example",), "a.internal/x", 1),
        Site("a b", ("a.example",), "a.internal", 1),
    ],
)
def test_a_name_that_nginx_could_misread_is_refused(site: Site) -> None:
    with pytest.raises(UsageError):
        render([site], port=8080)


def test_a_host_name_of_two_sites_is_refused() -> None:
    other = Site("other", MENTORS.hostnames, "other.internal", 1)

    with pytest.raises(UsageError, match=r"mentors\.mentoring\.example"):
        render([MENTORS, other], port=8080)
