"""What the worker asks of endpoints and templates, and who names them."""

from __future__ import annotations

from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.models import Client, Endpoint, Rule, Template
from sentinel.models.base import Base
from sentinel.queries import endpoints, templates
from sentinel.rules.parser import parse
from sentinel.rules.serialise import dump


def add(row: Base) -> int:
    """Store a row; gives back its id."""
    for name in {"created_at", "updated_at"} & {column.key for column in row.__table__.columns}:
        setattr(row, name, utc_now())
    with new_session() as session:
        session.add(row)
        session.commit()
        return int(row.id)  # type: ignore[attr-defined]


def rule(
    client_id: int, name: str, text: str = 'when true then notify("endpoint:*")', *, is_enabled: bool = True
) -> int:
    return add(
        Rule(client_id=client_id, name=name, text=text, syntax=dump(parse(text)), is_enabled=is_enabled, version=1)
    )


def endpoint(client_id: int, **values: object) -> int:
    return add(Endpoint(client_id=client_id, channel="sms", target="+14155552671", version=1, **values))


def test_the_fan_out_asks_for_endpoints_of_rules_clients_and_the_users_it_names() -> None:
    other = add(Client(name="other"))
    first, second = rule(1, "first"), rule(1, "second")
    wanted = [
        endpoint(1, rule_id=first),
        endpoint(1),
        endpoint(1, name="ops", template="short"),
        endpoint(1, user_id="alice"),
        endpoint(1, user_id="bob", name="bob's phone"),
    ]
    for values in ({"rule_id": second}, {"is_enabled": False}, {"rule_id": first, "is_enabled": False}):
        endpoint(1, **values)
    endpoint(1, user_id="carol")
    endpoint(other)

    with new_session() as session:
        found = endpoints.for_fanout(session, [first], [1], ["alice", 'it\'s {odd}, "too"'])
        nothing = endpoints.for_fanout(session, [], [])

    assert [each.id for each in found] == wanted
    assert (found[2].name, found[2].template, found[2].channel, found[2].target) == (
        "ops",
        "short",
        "sms",
        "+14155552671",
    )
    assert nothing == []


def test_rules_that_name_an_endpoint_or_a_template_are_found_by_their_actions() -> None:
    add(Client(name="other"))
    rule(1, "names it", 'when a == "ops" then ticket("high", "ops"), notify("endpoint:ops", template="short")')
    rule(1, "is off", 'when true then notify("endpoint:ops", template="short")', is_enabled=False)
    rule(1, "names another", 'when a == "ops" then notify("endpoint:op", template="shorter")')
    rule(1, "is a channel", 'when a == "ops" then notify("email:ops@example.com")')
    endpoint(1, name="desk", template="short")

    with new_session() as session:
        assert endpoints.rules_naming(session, 1, "ops") == ["names it"]
        assert endpoints.rules_naming(session, 2, "ops") == []
        assert templates.names_used(session, 1, "short") == ["endpoint desk", "rule names it"]
        assert templates.names_used(session, 1, "odd' \"name") == []


def test_all_wordings_of_some_clients_come_at_once() -> None:
    other = add(Client(name="other"))
    add(Template(client_id=1, name="default", channel="sms", subject=None, body="a", version=1))
    add(Template(client_id=1, name="default", channel=None, subject="s", body="b", version=1))
    add(Template(client_id=other, name="default", channel="sms", subject=None, body="c", version=1))

    with new_session() as session:
        assert templates.wordings(session, [1]) == {
            (1, "default", "sms"): (None, "a"),
            (1, "default", None): ("s", "b"),
        }
        assert len(templates.wordings(session, [1, other])) == 3
        assert templates.wordings(session, []) == {}
