"""What the worker asks of endpoints and templates, and who names them."""

from __future__ import annotations

from typing import Any

from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.models import Template
from sentinel.queries import endpoints, matching, templates
from tests.integration.rules import client, rule
from tests.integration.rules import endpoint as stored_endpoint

ALL = 'when true then notify("endpoint:*")'


def endpoint(of: str = "default", **columns: Any) -> int:
    return stored_endpoint("sms", "+14155552671", of=of, **columns)


def template(of: str, name: str, channel: str | None, subject: str | None, body: str) -> None:
    now = utc_now()
    row = Template(client_id=client(of), name=name, channel=channel, subject=subject, body=body, version=1)
    row.created_at = row.updated_at = now
    with new_session() as session:
        session.add(row)
        session.commit()


def test_the_fan_out_asks_for_endpoints_of_its_rules_clients_and_users_and_for_all_that_have_names() -> None:
    first, second = rule(ALL, "first"), rule(ALL, "second")
    wanted = [
        endpoint(rule_id=first),
        endpoint(),
        endpoint(name="ops", template="short"),
        endpoint(user_id="alice"),
        endpoint(user_id="bob", name="bob's phone"),
        endpoint(rule_id=second, name="of another rule"),
    ]
    for columns in ({"rule_id": second}, {"is_enabled": False}, {"rule_id": first, "is_enabled": False}):
        endpoint(**columns)
    endpoint(user_id="carol")
    endpoint(of="other")

    with new_session() as session:
        found = endpoints.for_fanout(session, [first], [client()], ["alice", 'it\'s {odd}, "too"'])
        nothing = endpoints.for_fanout(session, [], [])

    assert [each.id for each in found] == wanted
    ops = found[2]
    assert (ops.name, ops.template, ops.channel, ops.target) == ("ops", "short", "sms", "+14155552671")
    assert nothing == []


def test_rules_that_name_an_endpoint_or_a_template_are_found_by_their_actions() -> None:
    rule('when a == "ops" then ticket("high", "ops"), notify("endpoint:ops", template="short")', "names it")
    rule('when true then notify("endpoint:ops", template="short")', "is off", is_enabled=False)
    rule('when a == "ops" then notify("endpoint:op", template="shorter")', "names another")
    rule('when a == "ops" then notify("email:ops@example.com")', "is a channel")
    endpoint(name="desk", template="short")
    mine, other = client(), client("other")

    with new_session() as session:
        assert endpoints.rules_naming(session, mine, "ops") == ["names it"]
        assert endpoints.rules_naming(session, other, "ops") == []
        assert list(map(str, templates.used_by(session, mine, "short", most=5))) == ["endpoint desk", "rule names it"]
        assert templates.used_by(session, mine, "odd' \"name", most=5) == []


def test_all_wordings_of_some_clients_come_at_once() -> None:
    template("default", "default", "sms", None, "a")
    template("default", "default", None, "s", "b")
    template("other", "default", "sms", None, "c")
    mine, other = client(), client("other")

    with new_session() as session:
        found = matching.clients(session, [mine, other], now=utc_now())
        assert found[mine].templates == {("default", "sms"): (None, "a"), ("default", None): ("s", "b")}
        assert found[other].templates == {("default", "sms"): (None, "c")}
        assert matching.clients(session, [], now=utc_now()) == {}
