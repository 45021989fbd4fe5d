"""Whoever may write a URL cannot make Sentinel ask its own machine or its neighbours: from request to socket."""

from __future__ import annotations

import pytest

from sentinel.app import create_app
from sentinel.stand_ins import ProviderStandIn
from tests.conftest import Configure
from tests.integration.calls import execute, refused, send, stored
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, tries

OWN_MACHINE = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "127.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "0x7f.1",
    "0",
]
WRAPPED = ["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]"]
NEIGHBOURS = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0"]
DISGUISED = [
    "user@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1#.example.com",
    "①②⑦.0.0.1",
    "127.0.0.1\\.example.com",
]


@pytest.fixture
def live(provider: ProviderStandIn, database: Configure) -> ProviderStandIn:
    """Webhooks are really sent, and no network of our own is named."""
    database(SENTINEL_WEBHOOK_PRIVATE_NETWORKS="")
    return provider


@pytest.mark.parametrize("host", OWN_MACHINE + WRAPPED + NEIGHBOURS + DISGUISED)
def test_an_address_that_leads_inside_is_refused_when_it_is_written(host: str, live: ProviderStandIn) -> None:
    api, port = create_app().test_client(), live.url.rpartition(":")[2]
    url = f"https://{host}:{port}/hooks/a" if "#" not in host else f"https://{host}/hooks/a"

    message = send(api, {"channel": "webhook", "recipient": url, "body": "x"})
    endpoint = send(api, {"channel": "webhook", "target": url}, "/endpoints")

    assert (message.status_code, endpoint.status_code) == (422, 422)
    assert (set(refused(message)), set(refused(endpoint))) == ({"recipient"}, {"target"})
    assert (stored(), stored("endpoints"), live.connections) == (0, 0, 0)


@pytest.mark.parametrize("host", OWN_MACHINE + [host for host in WRAPPED + NEIGHBOURS if host != "[fe80::1]"])
def test_one_that_came_into_the_table_all_the_same_is_not_connected_to(
    host: str, live: ProviderStandIn, accept: Accept, run_pipeline: RunPipeline
) -> None:
    found, port = accept(channel="webhook", recipient="https://example.com/"), live.url.rpartition(":")[2]
    execute("UPDATE notifications SET recipient = :url", url=f"http://{host}:{port}/hooks/open/a")

    run_pipeline([found], "webhook")

    assert (row(found).status, row(found).reason) == ("FAILED", "forbidden_address")
    assert len(tries(found)) == 1
    assert (live.entries, live.connections) == ([], 0)
