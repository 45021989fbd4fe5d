"""An endpoint whose receiver answers 410 Gone is disabled, and says why; no other answer does that."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import execute, send
from tests.integration.conftest import RunPipeline

PATH = "/hooks/open/shop"


def made(api: FlaskClient, provider: ProviderStandIn) -> int:
    created = send(api, {"channel": "webhook", "target": provider.url + PATH, "name": "shop"}, "/endpoints")
    found: int = created.get_json()["id"]
    return found


def tried(api: FlaskClient, run_pipeline: RunPipeline, endpoint_id: int) -> str:
    notification_id: str = send(api, {}, f"/endpoints/{endpoint_id}/test").get_json()["id"]
    run_pipeline([notification_id], "webhook")
    return notification_id


def shown(api: FlaskClient, endpoint_id: int) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/endpoints/{endpoint_id}").get_json()
    return found


def test_410_disables_the_endpoint_and_both_timeline_and_endpoint_say_why(
    api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = made(api, provider)
    provider.always(refused(410))

    notification_id = tried(api, run_pipeline, endpoint_id)

    endpoint = shown(api, endpoint_id)
    assert (endpoint["is_enabled"], endpoint["disabled_reason"], endpoint["version"]) == (False, "endpoint_gone", 2)
    (entry,) = [
        each
        for each in api.get(f"/notifications/{notification_id}/timeline").get_json()
        if each["event"] == "endpoint_disabled"
    ]
    assert entry["detail"] == {"endpoint_id": endpoint_id, "reason": "endpoint_gone"}


def test_who_enables_the_endpoint_again_takes_the_reason_away(
    api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = made(api, provider)
    provider.script(refused(410))
    tried(api, run_pipeline, endpoint_id)

    assert api.patch(f"/endpoints/{endpoint_id}", json={"is_enabled": True}).status_code == 200

    assert (shown(api, endpoint_id)["is_enabled"], shown(api, endpoint_id)["disabled_reason"]) == (True, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_no_other_answer_disables_it(
    status: int, api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = made(api, provider)
    provider.always(refused(status))

    tried(api, run_pipeline, endpoint_id)

    assert (shown(api, endpoint_id)["is_enabled"], shown(api, endpoint_id)["disabled_reason"]) == (True, None)


def test_an_endpoint_that_points_elsewhere_by_now_stays_enabled(
    api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = made(api, provider)
    provider.always(refused(410))
    notification_id: str = send(api, {}, f"/endpoints/{endpoint_id}/test").get_json()["id"]
    execute("UPDATE endpoints SET target = 'https://example.com/new'")

    run_pipeline([notification_id], "webhook")

    assert shown(api, endpoint_id)["is_enabled"]
