"""`/endpoints` as clients meet them: made, listed, replaced, switched, tried out, removed."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.stand_ins import ProviderStandIn
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, refused, send, stored
from tests.integration.conftest import RunPipeline
from tests.integration.rules import happen, rule, told
from tests.rows import row

PLAIN: dict[str, Any] = {"channel": "email", "target": "OnCall@Example.com"}
HOOK: dict[str, Any] = {"channel": "webhook", "target": "https://example.com/hook"}
ALL = 'when true then notify("endpoint:*")'
NIGHTS: dict[str, Any] = {"windows": {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]}}
ALWAYS: dict[str, Any] = {"windows": {"intervals": [{"times": ["00:00-24:00"]}]}}
SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()


def make(api: FlaskClient, body: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An endpoint that is accepted."""
    response = send(api, (body or PLAIN) | changes, "/endpoints")
    assert response.status_code == 201, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def put(api: FlaskClient, endpoint_id: int, body: dict[str, Any], **options: Any) -> TestResponse:
    return api.put(f"/endpoints/{endpoint_id}", json=body, **options)


def test_an_endpoint_is_made_with_its_target_in_its_one_spelling(api: FlaskClient) -> None:
    response = send(api, PLAIN | {"channel": "EMAIL", "name": "on-call"}, "/endpoints")

    made = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/endpoints/{made['id']}"
    assert (made["channel"], made["target"], made["name"]) == ("email", "OnCall@example.com", "on-call")
    assert (made["client"], made["version"], made["is_enabled"]) == ("default", 1, True)
    assert (made["has_secret"], made["secret"]) == (False, None)
    del made["secret"]
    assert api.get(f"/endpoints/{made['id']}").get_json() == made


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"quiet_hours": {}}, "quiet_hours.windows", "Missing data"),
        ({"quiet_hours": {"windows": {"intervals": []}}}, "quiet_hours.windows.intervals", "array of 1 to 50"),
        ({"quiet_hours": NIGHTS | {"mode": "wait"}}, "quiet_hours.mode", "Must be one of"),
        ({"quiet_hours": NIGHTS | {"passes_from": "urgent"}}, "quiet_hours.passes_from", "Must be one of"),
        ({"quiet_hours": ALWAYS}, "quiet_hours.windows", "would never be told"),
        ({"target": "nope"}, "target", "is not a mail address"),
        ({"channel": "sms"}, "target", "phone number"),
        ({"channel": "fax"}, "channel", "Must be one of"),
        ({"channel": None}, "channel", "not be null"),
        ({"target": ""}, "target", "Length must be between"),
        ({"target": "a\0b"}, "target", "NUL"),
        ({"name": "*"}, "name", "Means all endpoints"),
        ({"name": "a\nb"}, "name", "one line"),
        ({"rule_id": 999}, "rule_id", "is no rule of this client"),
        ({"rule_id": 2**31}, "rule_id", "less than or equal"),
        ({"rule_id": "1"}, "rule_id", "Not a valid integer"),
        ({"rule_id": 1, "user_id": "u"}, "user_id", "one owner"),
        ({"template": "nope"}, "template", "is no template of this client for email"),
        ({"is_enabled": "true"}, "is_enabled", "Not a valid boolean"),
        ({"secret": SECRET}, "secret", "is not used by this channel"),
        ({"traget": "x"}, "traget", "Unknown field"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_told_by_field(
    changes: dict[str, Any], field: str, message: str, api: FlaskClient
) -> None:
    response = send(api, PLAIN | changes, "/endpoints")

    assert response.status_code == 422
    errors = refused(response)
    assert list(errors) == [field]
    assert message in errors[field]
    assert stored("endpoints") == 0


def test_a_webhook_gets_a_secret_that_is_shown_once(api: FlaskClient) -> None:
    made = make(api, HOOK)

    assert made["secret"].startswith("whsec_")
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    shown = api.get(f"/endpoints/{made['id']}").get_json()
    assert shown["has_secret"]
    assert made["secret"] not in api.get("/endpoints").text + str(shown)
    assert stored("endpoints WHERE secret LIKE 'sealed:%'") == 1
    assert make(api, HOOK)["secret"] != made["secret"]


def test_a_webhook_may_bring_its_own_secret(api: FlaskClient) -> None:
    assert make(api, HOOK, secret=SECRET)["secret"] == SECRET


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_" + "A" * 90, SECRET[6:], "whsec_" + "!" * 32])
def test_a_secret_that_cannot_sign_is_refused_and_not_repeated(secret: str, api: FlaskClient) -> None:
    response = send(api, HOOK | {"secret": secret}, "/endpoints")

    assert refused(response) == {"secret": "is no secret of Standard Webhooks"}
    assert secret == "whsec_" or secret not in response.text


def test_a_secret_is_rotated_and_shown_once(api: FlaskClient) -> None:
    made = make(api, HOOK)

    response = api.post(f"/endpoints/{made['id']}/rotate-secret")

    assert response.status_code == 200
    assert response.get_json()["version"] == 2
    assert response.get_json()["secret"] not in (None, made["secret"])
    assert api.post(f"/endpoints/{make(api)['id']}/rotate-secret").status_code == 409


def test_two_endpoints_of_a_client_cannot_share_a_name_but_many_have_none(api: FlaskClient) -> None:
    first, second = make(api, name="a"), make(api, name="b")
    make(api)
    make(api)

    assert send(api, PLAIN | {"name": "a"}, "/endpoints").status_code == 409
    assert put(api, second["id"], PLAIN | {"name": "a", "version": 1}).status_code == 409
    assert api.get(f"/endpoints/{second['id']}").get_json()["name"] == "b"
    assert api.post("/endpoints", json=PLAIN | {"name": "a"}, headers=bearer("other")).status_code == 201
    assert first["id"] != second["id"]


def test_a_replacement_needs_the_version_that_there_is(api: FlaskClient) -> None:
    made = make(api)
    new = {"channel": "sms", "target": "+1 415 555 2671", "user_id": "u-1", "version": 1}

    changed = put(api, made["id"], new)
    stale = put(api, made["id"], new)

    assert changed.status_code == 200
    assert (changed.get_json()["target"], changed.get_json()["version"]) == ("+14155552671", 2)
    assert stale.status_code == 409
    assert "has version 2 now, and you have read 1" in stale.get_json()["message"]
    assert "version" in refused(put(api, made["id"], PLAIN))


def test_of_writers_at_the_same_time_one_wins_and_the_others_are_told(api: FlaskClient) -> None:
    made = make(api)
    names = [f"writer-{number}" for number in range(8)]

    def write(name: str) -> tuple[int, int]:
        mine = api.application.test_client()
        created = mine.post("/endpoints", json=PLAIN | {"name": "wanted"})
        changed = mine.put(f"/endpoints/{made['id']}", json=PLAIN | {"name": name, "version": 1})
        return created.status_code, changed.status_code

    with ThreadPoolExecutor(8) as pool:
        created, changed = zip(*pool.map(write, names), strict=True)

    assert sorted(created) == [201, *[409] * 7]
    assert sorted(changed) == [200, *[409] * 7]
    assert stored("endpoints WHERE version = 2") == 1


def test_a_replaced_webhook_keeps_its_secret_and_another_channel_has_none(api: FlaskClient) -> None:
    made = make(api, HOOK, secret=SECRET)

    kept = put(api, made["id"], HOOK | {"target": "https://example.com/other", "version": 1})
    assert kept.get_json()["has_secret"]
    assert stored("endpoints WHERE secret LIKE 'sealed:%'") == 1

    assert put(api, made["id"], PLAIN | {"version": 2}).get_json()["has_secret"] is False
    assert stored("endpoints WHERE secret IS NULL") == 1


def test_an_endpoint_is_switched_off_and_on(api: FlaskClient) -> None:
    path = f"/endpoints/{make(api)['id']}"

    off = api.patch(path, json={"is_enabled": False}).get_json()
    on = api.patch(path, json={"is_enabled": True, "version": 2}).get_json()

    assert (off["is_enabled"], off["version"]) == (False, 2)
    assert (on["is_enabled"], on["version"]) == (True, 3)
    assert api.patch(path, json={"is_enabled": True, "version": 2}).status_code == 409
    assert refused(api.patch(path, json={}))["is_enabled"]


def test_lists_are_narrowed_and_go_by_pages(api: FlaskClient) -> None:
    rule_id = rule(ALL, "mine")
    ids = [
        make(api, rule_id=rule_id)["id"],
        make(api, user_id="u-1", name="a")["id"],
        make(api, channel="sms", target="+14155552671", is_enabled=False)["id"],
    ]
    make(api)
    api.post("/endpoints", json=PLAIN, headers=bearer("other"))

    def listed(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"/endpoints?{query}").get_json()]

    assert listed(f"rule_id={rule_id}") == ids[:1]
    assert listed("user_id=u-1") == listed("name=a") == ids[1:2]
    assert listed("channel=SMS") == listed("is_enabled=false") == ids[2:]
    assert listed("user_id=nobody") == []
    first = api.get("/endpoints?limit=2")
    assert [each["id"] for each in first.get_json()] == ids[:2]
    rest = api.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    assert next(each["id"] for each in rest.get_json()) == ids[2]
    assert len(rest.get_json()) == 2
    assert "Link" not in rest.headers
    assert refused(api.get("/endpoints?chanel=sms"))


def test_an_empty_list_is_an_array(api: FlaskClient) -> None:
    assert api.get("/endpoints").get_json() == []


def test_a_removed_endpoint_is_gone(api: FlaskClient) -> None:
    path = f"/endpoints/{make(api)['id']}"

    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404
    assert api.get(path).status_code == 404


def test_an_endpoint_that_rules_name_is_removed_or_renamed_only_by_force(api: FlaskClient) -> None:
    made = make(api, name="ops")
    rule('when true then notify("endpoint:ops")', "Big orders")
    path = f"/endpoints/{made['id']}"

    for response in (api.delete(path), put(api, made["id"], PLAIN | {"name": "desk", "version": 1})):
        assert response.status_code == 409
        assert 'endpoint "ops" is named by the rules Big orders' in response.get_json()["message"]
    assert api.delete(f"{path}?forse=true").status_code == 422
    assert api.delete(f"{path}?force=true").status_code == 204


def test_what_a_rule_sends_to_an_endpoint_that_is_gone_is_recorded_as_suppressed(api: FlaskClient) -> None:
    made = make(api, name="ops", rule_id=rule('when type == "other" then notify("endpoint:*")', "its owner"))
    rule('when type == "order" then notify("endpoint:ops")', "Big orders")

    happen({"type": "order"})
    api.delete(f"/endpoints/{made['id']}?force=true")
    happen({"type": "order"})

    there, gone = sorted(told(), key=lambda each: each.id)
    assert (there.recipient, there.endpoint_id, there.status) == ("OnCall@example.com", made["id"], "PENDING")
    assert (gone.status, gone.reason, gone.endpoint_id) == ("SUPPRESSED", "no_endpoint", None)


def test_an_endpoint_that_only_disabled_rules_name_is_removed(api: FlaskClient) -> None:
    made = make(api, name="ops")
    rule('when true then notify("endpoint:ops")', "Big orders")
    execute("UPDATE rules SET is_enabled = false")

    assert api.delete(f"/endpoints/{made['id']}").status_code == 204


def test_the_endpoints_of_a_rule_go_with_it(api: FlaskClient) -> None:
    made = make(api, rule_id=rule(ALL, "mine"))

    execute("DELETE FROM rules")

    assert api.get(f"/endpoints/{made['id']}").status_code == 404


def test_the_endpoints_and_rules_of_others_cannot_be_told_from_none(api: FlaskClient) -> None:
    made, rule_id = make(api), rule(ALL, "mine")
    headers = bearer("other")
    path = f"/endpoints/{made['id']}"

    assert api.get("/endpoints", headers=headers).get_json() == []
    for response in (
        api.get(path, headers=headers),
        api.delete(path, headers=headers),
        api.patch(path, json={"is_enabled": False}, headers=headers),
        put(api, made["id"], PLAIN | {"version": 1}, headers=headers),
        api.post(f"{path}/test", headers=headers),
        api.post(f"{path}/rotate-secret", headers=headers),
        api.get(f"/endpoints/{2**40}", headers=headers),
    ):
        assert response.status_code == 404
    assert "rule_id" in refused(api.post("/endpoints", json=PLAIN | {"rule_id": rule_id}, headers=headers))
    assert stored("endpoints") == 1


def test_an_operator_acts_for_a_client(api: FlaskClient) -> None:
    bearer("shop")

    made = api.post("/endpoints?client=shop", json=PLAIN).get_json()

    assert made["client"] == "shop"
    assert api.get(f"/endpoints/{made['id']}").status_code == 404
    assert api.get(f"/endpoints/{made['id']}?client=shop").status_code == 200
    assert api.get("/endpoints?client=default", headers=bearer("shop")).status_code == 403


@pytest.mark.parametrize("scope", ["endpoints:read", "endpoints:write"])
def test_each_call_takes_its_scope(scope: str, api: FlaskClient, database: Configure) -> None:
    headers = bearer("default", scope)
    path = f"/endpoints/{make(api)['id']}"

    reads = [api.get("/endpoints", headers=headers), api.get(path, headers=headers)]
    writes = [
        api.post("/endpoints", json=PLAIN, headers=headers),
        api.patch(path, json={"is_enabled": True}, headers=headers),
        api.post(f"{path}/test", headers=headers),
        api.delete(path, headers=headers),
    ]

    assert {each.status_code == 403 for each in reads} == {scope == "endpoints:write"}
    assert {each.status_code == 403 for each in writes} == {scope == "endpoints:read"}


def test_a_test_goes_the_way_of_all_messages_and_says_that_it_is_one(
    api: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    made = make(api, channel="sms", target="+14155552671", user_id="u-1", is_enabled=False)

    response = api.post(f"/endpoints/{made['id']}/test")
    run_pipeline([response.get_json()["id"]])

    found = response.get_json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/notifications/{found['id']}"
    assert (found["status"], found["endpoint_id"], found["metadata"]) == ("PENDING", made["id"], {"test": True})
    assert (found["recipient"], found["user_id"]) == ("+14155552671", "u-1")
    assert found["body"].startswith("[TEST] [LOW] sentinel/endpoint_test")
    assert row(found["id"]).status == "SENT"
    assert row(found["id"]).endpoint_id == made["id"]
    assert api.get(response.headers["Location"]).get_json()["status"] == "SENT"


@pytest.mark.parametrize(
    ("channel", "target"),
    [
        ("sms", "+14155552671"),
        ("email", "a@example.com"),
        ("slack", "#alerts"),
        ("push", "ntfys://ntfy.sh/alerts"),
        ("webhook", "https://example.com/hook"),
        ("inbox", "user-17"),
    ],
)
def test_each_channel_can_be_tested(channel: str, target: str, api: FlaskClient, run_pipeline: RunPipeline) -> None:
    made = make(api, channel=channel, target=target)

    found = api.post(f"/endpoints/{made['id']}/test").get_json()
    run_pipeline([found["id"]], channel)

    assert found["body"].startswith("[TEST]")
    assert api.get(f"/notifications/{found['id']}").get_json()["status"] == "SENT"


def test_a_test_is_worded_by_the_endpoints_template_then_the_default_then_the_built_in(api: FlaskClient) -> None:
    def tested() -> tuple[str, str]:
        found = api.post(f"/endpoints/{made['id']}/test").get_json()
        return found["subject"], found["body"]

    made = make(api)
    assert tested()[0] == "[TEST] [LOW] sentinel/endpoint_test"
    send(api, {"name": "default", "subject": "S", "body": "for all {{ client }}"}, "/templates")
    assert tested() == ("[TEST] S", "[TEST] for all default")
    send(api, {"name": "default", "channel": "email", "subject": "S", "body": "for mails"}, "/templates")
    assert tested()[1] == "[TEST] for mails"
    send(api, {"name": "short", "channel": "email", "subject": "S", "body": "{{ name }}"}, "/templates")
    made = make(api, template="short")
    assert tested()[1] == "[TEST] endpoint_test"


def test_quiet_hours_are_written_in_full_kept_when_it_is_switched_and_taken_away_by_a_put(api: FlaskClient) -> None:
    made = make(api, quiet_hours=NIGHTS)
    assert made["quiet_hours"] == NIGHTS | {"mode": "hold", "passes_from": "critical"}

    switched = api.patch(f"/endpoints/{made['id']}", json={"is_enabled": False}).get_json()
    replaced = put(api, made["id"], PLAIN | {"version": 2, "quiet_hours": NIGHTS | {"passes_from": None}}).get_json()
    without = put(api, made["id"], PLAIN | {"version": 3}).get_json()

    assert switched["quiet_hours"] == made["quiet_hours"]
    assert replaced["quiet_hours"]["passes_from"] is None
    assert without["quiet_hours"] is None


def test_what_is_always_quiet_may_drop(api: FlaskClient) -> None:
    made = make(api, quiet_hours=ALWAYS | {"mode": "drop", "passes_from": "high"})

    assert made["quiet_hours"] == {
        "windows": {"zone": "UTC", **ALWAYS["windows"]},
        "mode": "drop",
        "passes_from": "high",
    }


def test_quiet_hours_cannot_stand_beside_statuses(api: FlaskClient) -> None:
    response = send(api, HOOK | {"purpose": "statuses", "quiet_hours": NIGHTS}, "/endpoints")

    assert "quiet_hours" in refused(response)
