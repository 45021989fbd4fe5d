"""The workers' screen: who works, who is gone, what each has done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sentinel import metrics, presence
from sentinel.clock import utc_now
from sentinel.presence import Node
from tests.conftest import Configure
from tests.integration.console.conftest import AsRole
from tests.integration.console.test_dashboard import words
from tests.integration.console.visiting import Visit, actions
from tests.integration.test_history import look


def node(name: str = "alice@one", **changes: object) -> Node:
    now = utc_now().timestamp()
    made = Node(name, ("sms", "sms.retry"), 4, "thread", 17, now - 600, now)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_each_worker_has_its_line_with_what_it_did(visit: Visit) -> None:
    now = utc_now()
    look(now - timedelta(minutes=2))
    metrics.count("worker_tasks_total", 90, worker="alice", task="tasks.delivery.deliver")
    metrics.count("worker_task_errors_total", 2, worker="alice", task="tasks.delivery.deliver")
    metrics.observe("worker_task_seconds", *[0.25] * 90, worker="alice", task="tasks.delivery.deliver")
    look(now - timedelta(minutes=1))
    presence.tell(node())

    page = visit.get("/console/workers").text

    told = words(page)
    assert "1 online" in told
    assert "alice one, 4 slots" in told
    assert "sms + retry 90 " in told
    assert "250 ms 2 10 min ago" in told
    assert "Nobody listens to" in told
    assert words(visit.get("/console/workers/now").text).strip() in told


def test_without_any_worker_it_says_how_one_is_started(visit: Visit) -> None:
    page = words(visit.get("/console/workers").text)

    assert "No worker has told of itself yet" in page
    assert "sentinel worker" in page


def test_one_that_is_lost_is_said_and_an_operator_forgets_it(as_role: AsRole) -> None:
    presence.tell(node(seen_at=utc_now().timestamp() - 300))
    operator = as_role("operator")
    page = words(operator.get("/console/workers").text)
    assert "1 lost" in page
    assert "5 min ago" in page

    told = operator.follow(operator.send("/console/workers/alice/forget")).text

    assert "alice is forgotten." in told
    assert "No worker has told of itself yet" in told
    assert actions() == [("operator-alice", "worker.forget", "worker alice", None)]


def test_one_that_works_is_not_forgotten(visit: Visit) -> None:
    presence.tell(node())

    assert visit.send("/console/workers/alice/forget").status_code == 409
    assert visit.send("/console/workers/nobody/forget").status_code == 404
    assert actions() == []


def test_a_viewer_forgets_nobody(as_role: AsRole) -> None:
    presence.tell(node(seen_at=utc_now().timestamp() - 300))

    page = as_role("viewer").get("/console/workers").text

    assert "Forget</button>" not in page
    assert "takes the role operator; yours is viewer" in words(page)


def test_without_redis_nobody_knows_and_nothing_is_done(visit: Visit, database: Configure) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")

    assert "Nobody knows now" in visit.get("/console/workers").text
    told = visit.follow(visit.send("/console/workers/alice/forget"))
    assert "Redis does not answer. Nothing was done" in told.text
    assert actions() == []
