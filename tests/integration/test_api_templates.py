"""`/templates` as clients meet them: written, refused with a remedy, tried out, used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.calls import bearer, execute, refused, send, stored
from tests.integration.rules import endpoint, happen, rule, told

PLAIN: dict[str, Any] = {"name": "short", "subject": "{{ source }}", "body": "{{ name }} at {{ event.amount }}"}
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "templates.md"
EVENT: dict[str, Any] = {"type": "order", "severity": "HIGH", "source": "shop", "name": "big", "amount": 750}


def make(api: FlaskClient, **changes: Any) -> dict[str, Any]:
    """A template that is accepted."""
    response = send(api, PLAIN | changes, "/templates")
    assert response.status_code == 201, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def put(api: FlaskClient, template_id: int, **changes: Any) -> TestResponse:
    return api.put(f"/templates/{template_id}", json=PLAIN | {"version": 1} | changes)


def test_a_template_is_made_and_shown(api: FlaskClient) -> None:
    response = send(api, PLAIN | {"channel": "EMAIL"}, "/templates")

    made = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/templates/{made['id']}"
    assert {name: made[name] for name in PLAIN} == PLAIN
    assert (made["channel"], made["version"], made["client"]) == ("email", 1, "default")
    assert api.get(f"/templates/{made['id']}").get_json() == made
    assert make(api)["channel"] is None


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"body": "fine\n{{ evnt.amount }}"}, "body", 'line 2: unknown name "evnt"'),
        ({"subject": "{{ name|uper }}"}, "subject", 'line 1: unknown filter "uper"'),
        ({"body": "{% for x in event.a %}"}, "body", "line 1: Unexpected end of template"),
        ({"body": "{{ event.a.upper() }}"}, "body", "calls are not part of templates"),
        ({"body": "x" * 16_385}, "body", "Length must be between"),
        ({"body": "é" * 10_000}, "body", "longer than 16384 bytes"),
        ({"body": ""}, "body", "Length must be between"),
        ({"body": None}, "body", "not be null"),
        ({"subject": "a\nb"}, "subject", "Must be one line"),
        ({"channel": "fax"}, "channel", "Must be one of"),
        ({"name": ""}, "name", "Length must be between"),
        ({"boby": "x"}, "boby", "Unknown field"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_by_field_and_line(
    changes: dict[str, Any], field: str, message: str, api: FlaskClient
) -> None:
    response = send(api, PLAIN | changes, "/templates")

    assert response.status_code == 422
    errors = refused(response)
    assert list(errors) == [field]
    assert message in errors[field]
    assert stored("templates") == 0


def test_a_name_is_taken_once_for_each_channel_and_once_for_all(api: FlaskClient) -> None:
    first = make(api)
    second = make(api, channel="sms")

    assert send(api, PLAIN, "/templates").status_code == 409
    assert send(api, PLAIN | {"channel": "sms"}, "/templates").status_code == 409
    assert put(api, second["id"], channel=None).status_code == 409
    assert api.get(f"/templates/{second['id']}").get_json() == second
    assert api.post("/templates", json=PLAIN, headers=bearer("other")).status_code == 201
    assert first["id"] < second["id"]


def test_a_replacement_needs_the_version_that_there_is(api: FlaskClient) -> None:
    made = make(api)

    changed = put(api, made["id"], body="new")
    stale = put(api, made["id"], body="newer")

    assert (changed.status_code, changed.get_json()["body"], changed.get_json()["version"]) == (200, "new", 2)
    assert stale.status_code == 409
    assert "has version 2 now, and you have read 1" in stale.get_json()["message"]
    assert "body" in refused(put(api, made["id"], body="{{ x }}", version=2))
    assert api.get(f"/templates/{made['id']}").get_json()["body"] == "new"


def test_lists_are_narrowed_and_go_by_pages(api: FlaskClient) -> None:
    assert api.get("/templates").get_json() == []
    ids = [make(api)["id"], make(api, channel="sms")["id"], make(api, name="long")["id"]]

    def listed(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"/templates?{query}").get_json()]

    assert listed("name=short") == ids[:2]
    assert listed("channel=SMS") == ids[1:2]
    assert listed("limit=2") == ids[:2]
    assert listed(f"limit=2&cursor={ids[1]}") == ids[2:]
    assert refused(api.get("/templates?nmae=short"))


def test_a_template_that_is_asked_for_is_removed_or_renamed_only_by_force(api: FlaskClient) -> None:
    made = make(api)
    endpoint("email", "ops@example.com", name="ops", template="short")
    rule('when true then notify("email:a@example.com", template="short")', "Big orders")
    path = f"/templates/{made['id']}"

    for response in (api.delete(path), put(api, made["id"], name="long")):
        assert response.status_code == 409
        assert 'template "short" is asked for by endpoint ops, rule Big orders' in response.get_json()["message"]
    assert api.delete(f"{path}?force=maybe").status_code == 422
    assert api.delete(f"{path}?force=true").status_code == 204
    assert api.delete(path).status_code == 404


def test_a_template_that_nobody_asks_for_is_removed(api: FlaskClient) -> None:
    made = make(api)
    rule('when true then notify("email:a@example.com", template="short")', "off", is_enabled=False)

    assert api.delete(f"/templates/{made['id']}").status_code == 204
    assert stored("templates") == 0


def test_the_templates_of_others_cannot_be_told_from_none(api: FlaskClient) -> None:
    made, headers = make(api), bearer("other")
    path = f"/templates/{made['id']}"

    assert api.get("/templates", headers=headers).get_json() == []
    for response in (
        api.get(path, headers=headers),
        api.delete(path, headers=headers),
        api.put(path, json=PLAIN | {"version": 1}, headers=headers),
        api.post(f"{path}/preview", json={}, headers=headers),
        api.get(f"/templates/{2**40}"),
    ):
        assert response.status_code == 404


@pytest.mark.parametrize("scope", ["templates:read", "templates:write"])
def test_each_call_takes_its_scope(scope: str, api: FlaskClient) -> None:
    headers, path = bearer("default", scope), f"/templates/{make(api)['id']}"

    reads = [
        api.get("/templates", headers=headers),
        api.get(path, headers=headers),
        api.post("/templates/preview", json={}, headers=headers),
        api.post(f"{path}/preview", json={}, headers=headers),
    ]
    writes = [
        api.post("/templates", json=PLAIN | {"name": "x"}, headers=headers),
        api.put(path, json=PLAIN | {"version": 1}, headers=headers),
        api.delete(path, headers=headers),
    ]

    assert {each.status_code == 403 for each in reads} == {scope == "templates:write"}
    assert {each.status_code == 403 for each in writes} == {scope == "templates:read"}


def test_a_wording_is_tried_out_without_being_stored(api: FlaskClient) -> None:
    body = {"channel": "email", "subject": "{{ severity }}", "body": "{{ event.amount }}", "event": EVENT}

    response = send(api, body, "/templates/preview")

    assert response.status_code == 200
    assert response.get_json() == {"channel": "email", "subject": "high", "body": "750"}
    assert stored("templates") == 0
    assert "body" in refused(send(api, body | {"body": "{{ amount }}"}, "/templates/preview"))


def test_without_a_body_the_built_in_wording_is_shown(api: FlaskClient) -> None:
    mail = send(api, {"event": EVENT}, "/templates/preview").get_json()
    sms = send(api, {"channel": "sms"}, "/templates/preview").get_json()

    assert (mail["channel"], mail["subject"]) == ("email", "[HIGH] shop/big")
    assert "Source: shop" in mail["body"]
    assert sms["subject"] is None
    assert sms["body"].startswith("[HIGH] payments/card_declined")


def test_a_stored_template_is_tried_out_on_its_channel(api: FlaskClient) -> None:
    made, for_sms = make(api), make(api, channel="sms")

    def shown(template: dict[str, Any], body: dict[str, Any]) -> Any:
        return api.post(f"/templates/{template['id']}/preview", json=body).get_json()

    assert shown(made, {"event": EVENT}) == {"channel": "email", "subject": "shop", "body": "big at 750"}
    assert shown(made, {"event": EVENT, "channel": "slack"})["channel"] == "slack"
    assert shown(for_sms, {"event": {}}) == {"channel": "sms", "subject": None, "body": "- at -"}
    assert shown(made, {})["body"] == "card_declined at 750"


def test_what_rules_send_is_worded_by_the_clients_template(api: FlaskClient) -> None:
    make(api)
    make(api, name="default", channel="email", body="Mail: {{ rules | join(', ', 'name') }}")
    rule('when true then notify("email:a@example.com"), notify("sms:+14155552671", template="short")', "Big orders")

    happen(EVENT)

    assert [(each.channel, each.subject, each.body) for each in told()] == [
        ("email", "shop", "Mail: Big orders"),
        ("sms", None, "big at 750"),
    ]


def test_an_alert_goes_out_though_its_template_cannot_be_filled(api: FlaskClient) -> None:
    make(api, name="default", body="{% for a, b in event.pairs %}{{ a }}{% endfor %}")
    rule('when true then notify("email:a@example.com")', "Big orders")

    happen(EVENT | {"pairs": [[1, 2]]}, EVENT | {"pairs": ["x"]})

    assert sorted(each.body.split("\n")[0] for each in told()) == ["1", "Severity: HIGH"]


def test_what_the_table_refuses_for_another_reason_is_not_called_a_taken_name(api: FlaskClient) -> None:
    execute("ALTER TABLE templates ADD CONSTRAINT test_refusal CHECK (body <> 'refused by the table')")
    try:
        response = send(api, PLAIN | {"body": "refused by the table"}, "/templates")
    finally:
        execute("ALTER TABLE templates DROP CONSTRAINT test_refusal")

    assert response.status_code == 500
    assert stored("templates") == 0


def test_the_guide_shows_what_its_examples_answer(api: FlaskClient) -> None:
    guide = GUIDE.read_text()
    [(asked, answered)] = re.findall(
        r"templates/preview .*? -d '(\{\n.*?)'\n```\n\n```json\n(.*?)\n```", guide, re.DOTALL
    )
    built_in = guide.partition("## The built-in mail")[2].split("```")[1].strip()
    refusal = json.loads(guide.partition("## When it is refused")[2].split("```json")[1].split("```")[0])

    assert send(api, json.loads(asked), "/templates/preview").get_json() == json.loads(answered)
    assert (
        send(api, {"body": built_in}, "/templates/preview").get_json()["body"].startswith("Severity: HIGH\nSource: pay")
    )
    [error] = send(api, {"body": "{{ amount }}"}, "/templates/preview").get_json()["errors"]
    assert error | {"remedy": ""} == refusal | {"remedy": ""}
    assert error["remedy"].startswith(refusal["remedy"].removesuffix(", …"))
