"""Every statement reads big tables by an index, and not much of them: looked at on a database as after months of use.

300,000 notifications here; a million with `make plans`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from sentinel import db
from sentinel.app import create_app
from sentinel.cli.db import upgrade
from sentinel.clock import utc_now
from sentinel.embedded.servers import Servers
from sentinel.models import Endpoint, Notification
from sentinel.prepared import PREPARABLE
from sentinel.queries import kept, load_tests, notifications, reconciling, rules
from sentinel.queries.rules import Filter
from sentinel.services.access import clients
from sentinel.services.bookkeeping import replays, retention
from sentinel.services.ruling import browsing
from sentinel.services.ruling.known_names import known_names
from sentinel.services.sending import delivery
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import client_overview, endpoint_health, inbox
from sentinel.services.watching.diagnosis.flow import check_flow
from sentinel.settings import get_settings
from tests.conftest import Configure, forget_process_state
from tests.databases import own_database
from tests.integration.console.visiting import Visit
from tests.integration.routes import calls
from tests.plans.filling import fill
from tests.plans.looking import (
    READS_MUCH,
    Plans,
    as_sent,
    big_tables,
    looked_at,
    named_statements,
    nodes,
    planned,
    scanned,
)

pytestmark = [pytest.mark.xdist_group("plans"), pytest.mark.timeout(900)]

ROWS = int(os.environ.get("PLANS_ROWS", "300000"))


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """This process works on another database meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        forget_process_state()
        yield
    db.get_engine().dispose()
    forget_process_state()


@pytest.fixture(scope="module")
def filled(servers: Servers, _schema: None) -> Iterator[str]:
    """The URL of a big database."""
    with own_database(servers.database_url, "plans") as url:
        with connected_to(url):
            upgrade()
        engine = create_engine(url)  # without limits: a million rows take their time
        with engine.begin() as connection:
            fill(connection, ROWS)
        engine.dispose()
        yield url


@pytest.fixture
def big(filled: str, database: Configure) -> None:
    database(DATABASE_URL=filled)


@pytest.fixture(scope="module")
def usual(filled: str) -> Plans:
    """What everything usual reads."""
    with connected_to(filled), pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "RUN_SECONDS", 60)
        with looked_at(db.get_engine()) as plans:
            ask_the_api()
            browse_rules()
            look_at_the_console()
            ask_the_console()
            run_the_workers()
    return plans


def ask_the_api() -> None:
    """Every route, and lists with each filter."""
    app = create_app()
    api = app.test_client()
    known = some_ids()
    for call in calls(app, known):
        if call.method in {"GET", "POST", "PATCH", "PUT"}:
            api.open(call.path, method=call.method, json=call.body)
    since = (utc_now() - timedelta(days=1)).isoformat()
    for filters in (
        {"status": "FAILED"},
        {"status": "PENDING"},
        {"status": "SENT", "since": since},
        {"channel": "slack", "since": since},
        {"since": since, "limit": "100"},
        {"recipient": "+14150000003", "since": since},
        {"user_id": "user 3", "since": since},
        {"event": str(known["event_id"])},
        {"recipient": "+14150000003"},
        {"user_id": "user 3"},
        {"user_id": "user 3", "channel": "inbox"},
        {"channel": "slack", "status": "CANCELLED", "since": since},
        {"reason": "never", "since": since},
        {"reason": "never"},
        {"channel": "slack", "status": "CANCELLED"},
        {"status": "SUPPRESSED"},
    ):
        api.get("/notifications", query_string=filters)
    for filters in ({"since": since}, {"status": "MATCHED", "since": since}, {"type": "order", "since": since}):
        api.get("/events", query_string=filters)
    for filters in ({"severity": "high"}, {"status": "open"}, {"status": "resolved"}, {"since": since}):
        api.get("/tickets", query_string=filters)


def browse_rules() -> None:
    """What the console asks of rules, of one client and of all."""
    with unit_of_work() as uow:
        for client_id in (1, None):
            browsing.page(uow, Filter(client_id), size=50)
            browsing.page(uow, Filter(client_id, is_enabled=True, part="order", after=1), size=50)
            rules.last_spoke(uow.session, client_id, [1, 2, 3], most=browsing.EVENTS_LOOKED_AT)
        rules.client_of(uow.session, 1)
        known_names(uow, 1)


def look_at_the_console() -> None:
    """Pages of the console that read what may be a million rows."""
    with unit_of_work() as uow:
        for wanted in (
            kept.Filter(),
            kept.Filter(client_id=2),
            kept.Filter(channel="slack"),
            kept.Filter(channel="sms"),
            kept.Filter(client_id=1, channel="inbox"),
            kept.Filter(client_id=1, recipient="+14150000004"),
            kept.Filter(client_id=1, user_id="user 3"),
        ):
            rows = inbox.page(uow, wanted, size=50)[0]
            if rows:
                kept.texts_to(uow.session, rows[0].client_id, rows[0].recipient, upto=rows[0].id, size=20)
        load_tests.outcome(uow.session, 1, [f"e{number}" for number in range(2, 1000, 2)])


SINCE_YESTERDAY: dict[str, Any] = {"since": "1d"}
CONSOLE: dict[str, tuple[dict[str, Any], ...]] = {
    "notifications": (
        *({}, {"size": "200"}, {"status": "FAILED"}, {"status": "PENDING"}, {"status": ["SUPPRESSED", "CANCELLED"]}),
        *({"status": "SENT"}, {"channel": "slack"}, {"reason": "duplicate"}, {"reason": "never"}, {"user": "user 3"}),
        *({"recipient": "+14150000003"}, {"recipient": "+14150000003", "client": "default"}, SINCE_YESTERDAY),
        *({"q": "+14150000003"}, {"q": "user 3"}, {"q": "key 7"}, {"q": f"SM{'0' * 32}"}, {"q": "nothing"}),
        *({"client": "client 7", "status": "FAILED"}, {"client": "default", "channel": "slack"}),
        *({"rule": "7"} | SINCE_YESTERDAY, {"status": "UNDELIVERED", "channel": "slack"}, {"replay": "7"}),
    ),
    "events": ({}, {"client": "client 7"}, {"status": "MATCHED"}, {"type": "order"}, {"q": "e 1"}, SINCE_YESTERDAY),
    "dead-letters": ({}, {"client": "client 7"}, {"reason": "attempts_exhausted"}, {"provider": "-"}),
    "dead-letters/letters": ({}, {"client": "client 7"}, {"reason": "attempts_exhausted"}, {"reason": "-"}),
    "dead-letters/replay": ({}, {"reason": "attempts_exhausted"}),
    "dead-letters/replays": ({},),
}
"""Pages of lists and the filters that an index serves."""


def ask_the_console() -> None:
    """Every list with its filters, and the page of one of each."""
    visit, known = Visit(create_app()), some_ids()
    for name, filters in CONSOLE.items():
        for each in filters:
            assert visit.get(f"/console/{name}", **each).status_code in {200, 303}, (name, each)
    after = {"after": str(known["notification_id"])}
    for path, arguments in (
        (f"notifications/{known['notification_id']}", {}),
        (f"events/{known['event_id']}", {}),
        ("notifications/newer", after),
    ):
        assert visit.get(f"/console/{path}", **arguments).status_code == 200
    with unit_of_work() as uow:
        replays.begin(uow, notifications.Filter(reason="attempts_exhausted"), total=2000, rate=100, by="ann")


NAMED = {"client_id": 2, "name": "twilio", "channel": "sms"}
NAMED |= {"policy_name": "primary", "rotation_name": "primary", "override_id": 1}
NAMED |= {"heartbeat": "backup", "drill": "weekly", "replay_id": 1}


def some_ids() -> dict[str, object]:
    """An object of each kind, for the addresses of the API."""
    tables = {"notification_id": "notifications", "event_id": "events", "ticket_id": "tickets"}
    tables |= {"suppression_id": "suppressions", "key_id": "api_keys", "rule_id": "rules"}
    tables |= {"endpoint_id": "endpoints", "template_id": "templates", "silence_id": "silences"}
    tables |= {"integration_id": "integrations", "inhibition_id": "inhibitions", "group_id": "message_groups"}
    with db.get_engine().connect() as connection:
        found = {
            name: connection.execute(
                text(f"SELECT id FROM {table} WHERE client_id = 1 ORDER BY id DESC LIMIT 1")
            ).scalar()
            for name, table in tables.items()
        }
    return {name: value or 1 for name, value in found.items()} | NAMED


def run_the_workers() -> None:
    """Every periodic task, the stages, a delivery, and what doctor asks."""
    import tasks  # Celery reads its settings at this import: not before the servers are there

    tasks.app.loader.import_default_modules()
    for name in {entry["task"] for entry in tasks.app.conf.beat_schedule.values()}:
        tasks.app.tasks[name]()
    with unit_of_work() as uow:
        list(check_flow(uow, get_settings()))
    with db.new_session() as session:
        waiting = select(Notification.id).where(
            Notification.channel == "sms", Notification.status == "PENDING", Notification.queue_at.is_not(None)
        )
        ids = list(session.scalars(waiting.limit(200)))
        reconciling.holders(session, "twilio", ["SM1"])
    for stage in ("evaluate", "dedupe", "rate_limit"):
        tasks.app.tasks[f"tasks.pipeline.{stage}"](ids, channel="sms")
    delivery.deliver("sms", ids, worker="test@here")


def test_nothing_usual_reads_much(usual: Plans) -> None:
    names = {as_sent(statement): name for name, statement in named_statements().items()}
    # Of what SQLAlchemy writes, the end says more than the list of columns.
    found = {names.get(sql, sql[sql.find("FROM") :]): complaint for sql, complaint in usual.complaints.items()}

    wrong = [f"{complaint}: {name}" for name, complaint in found.items() if name not in READS_MUCH]
    assert not wrong, "\n\n".join(wrong)


def test_no_statement_with_a_name_is_forgotten(usual: Plans, big: None) -> None:
    """What did not run above is planned at least. Where that is not enough, let it run above."""
    found = {}
    with db.get_engine().connect() as connection:
        tables = big_tables(connection)
        for name, statement in named_statements().items():
            if as_sent(statement) not in usual.seen:
                found[name] = scanned(planned(connection, statement), tables)

    assert {name: tables for name, tables in found.items() if tables} == {}


def test_prepared_statements_read_no_big_table_whatever_their_values(big: None) -> None:
    """Their plans are made without values; what ran above was planned with them."""
    prepared = {name: each for name, each in named_statements().items() if as_sent(each) in PREPARABLE}

    with db.get_engine().connect() as connection:
        tables = big_tables(connection)
        found = {name: scanned(planned(connection, statement), tables) for name, statement in prepared.items()}

    assert len(found) == len(PREPARABLE)
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_whoever_asks_for_some_ids_does_not_read_what_else_waits(big: None) -> None:
    """A batch of a backlog that PostgreSQL has no statistics of would read all of it."""
    with db.get_engine().connect() as connection:
        connection.execute(text("DELETE FROM pg_statistic WHERE starelid = 'notifications'::regclass"))
        found = {
            name: {node.get("Index Name") for node in nodes(planned(connection, each))}
            for name, each in named_statements().items()
            if as_sent(each) in PREPARABLE
        }
        connection.rollback()

    assert "pk_notifications" in found["pipeline.CANDIDATES"]
    assert [name for name, indexes in found.items() if "ix_notifications_queue_at" in indexes] == []


def test_a_channel_that_a_client_has_little_of_is_listed_without_reading_the_others(big: None) -> None:
    with looked_at(db.get_engine()) as plans, unit_of_work() as uow:
        rare = notifications.Filter(client_id=1, channel="fax")
        assert notifications.page(uow.session, rare, size=50) == []

    assert plans.complaints == {}


def test_a_page_of_endpoints_reads_no_more_than_their_last_messages(big: None) -> None:
    with looked_at(db.get_engine()) as plans, unit_of_work() as uow:
        rows = [Endpoint(id=n, client_id=1, channel="sms", target=f"+1415{n:07}") for n in range(0, 5000, 100)]
        endpoint_health.of_all(uow, rows)
        endpoint_health.of(uow, rows[0])
        endpoint_health.troubled(uow, None)
        endpoint_health.troubled(uow, 1)
        client_overview.of(uow, clients.page(uow, after=0, size=100)[0])

    assert plans.complaints == {}


def test_a_statement_without_an_index_is_found(big: None) -> None:
    with looked_at(db.get_engine()) as plans, unit_of_work() as uow:
        uow.session.execute(text("SELECT id FROM notifications WHERE body = 'a'"))
        uow.session.execute(text("SELECT count(*) FROM attempts WHERE notification_id > :first"), {"first": "0" * 32})
        uow.session.execute(text("SELECT id FROM notifications ORDER BY id DESC LIMIT 50"))

    assert len(plans.complaints) == 2
    assert "reads all of notifications" in plans.complaints.values()
