"""The health of endpoints is found by their targets, and cheaply."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from sentinel.models import Endpoint
from sentinel.queries.endpoints import Filter
from sentinel.services import endpoints
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import endpoint_health
from sentinel.services.watching.endpoint_health import Condition, Health
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import bearer, send
from tests.integration.conftest import Accept, RunPipeline

PATH = "/hooks/open/shop"


def made(api: FlaskClient, target: str, **headers: str) -> int:
    created = send(api, {"channel": "webhook", "target": target}, "/endpoints", **headers)
    found: int = created.get_json()["id"]
    return found


def health_of(*ids: int) -> dict[int, Health]:
    with unit_of_work() as uow:
        rows: list[Endpoint] = [endpoints.get(uow, each, client_id=None) for each in ids]
        found = endpoint_health.of_all(uow, rows)
        assert {each.id: endpoint_health.of(uow, each).condition for each in rows} == {
            each: health.condition for each, health in found.items()
        }
        return found


def troubled(client_id: int | None = None) -> tuple[int, ...]:
    with unit_of_work() as uow:
        return endpoint_health.troubled(uow, client_id)


def test_each_endpoint_has_the_health_of_its_own_target(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    fine, broken, quiet = (made(api, f"{provider.url}{PATH}/{name}") for name in ("fine", "broken", "quiet"))
    provider.script(refused(400))
    failed = send(api, {}, f"/endpoints/{broken}/test").get_json()["id"]
    run_pipeline([failed], "webhook")
    sent = accept(channel="webhook", recipient=f"{provider.url}{PATH}/fine")
    run_pipeline([sent], "webhook")

    found = health_of(fine, broken, quiet)

    conditions = {each: health.condition for each, health in found.items()}
    assert conditions == {fine: Condition.WORKS, broken: Condition.FAILS, quiet: Condition.UNTRIED}
    last = found[broken].last_failure
    assert last is not None
    assert (last.notification_id, last.http_status, last.provider) == (failed, 400, "webhook")
    assert found[fine].last_success is not None


def test_what_another_client_sends_is_not_seen(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    target = provider.url + PATH
    mine, other = made(api, target), made(api, target, **bearer("other"))
    run_pipeline([accept(channel="webhook", recipient=target)], "webhook")

    assert {each: health.condition for each, health in health_of(mine, other).items()} == {
        mine: Condition.WORKS,
        other: Condition.UNTRIED,
    }


@pytest.mark.parametrize("status", [400, 410])
def test_endpoints_at_which_messages_failed_today_are_found(
    status: int, api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = made(api, provider.url + PATH)
    assert troubled() == ()
    provider.script(refused(status))
    run_pipeline([send(api, {}, f"/endpoints/{endpoint_id}/test").get_json()["id"]], "webhook")

    assert troubled() == (endpoint_id,)
    assert troubled(1) == (endpoint_id,)
    assert troubled(2) == ()


def test_endpoints_of_all_clients_are_listed_with_their_names_and_found_by_words(api: FlaskClient) -> None:
    ids = [made(api, "https://example.com/100%"), made(api, "https://example.com/shop", **bearer("shop"))]

    with unit_of_work() as uow:
        rows, following = endpoints.listed(uow, Filter(), size=1)
        rest, end = endpoints.listed(uow, Filter(after=following or 0), size=5)
        assert [(each.id, client) for each, client in (*rows, *rest)] == [(ids[0], "default"), (ids[1], "shop")]
        assert (following, end) == (ids[0], None)
        for words, expected in (("SHOP", ids[1:]), ("0%", ids[:1]), ("_", []), ("nowhere", [])):
            found, _ = endpoints.listed(uow, Filter(words=words), size=5)
            assert [each.id for each, _ in found] == expected
        assert endpoints.listed(uow, Filter(ids=(ids[1],)), size=5)[0][0][1] == "shop"
        assert endpoints.listed(uow, Filter(ids=()), size=5) == ([], None)
