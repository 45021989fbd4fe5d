"""Stores notifications as the API would, then queues them: `python -m bench.feeder CHANNEL SIZE COUNT FIRST_NUMBER`.

SIZE is how many ids a chain carries. It waits for a line on its standard input before it queues.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from bench.generator import BODY, recipient_of
from bench.publishing import publish_on_demand
from sentinel.broker import publish_pipeline
from sentinel.clock import utc_now
from sentinel.ids import new_ids
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.status import Status
from sentinel.queries import clients, notifications
from sentinel.services.unit_of_work import unit_of_work

PART = 1000
RECIPIENTS = {"sms": recipient_of, "email": "user{}@example.com".format}
NOBODY = "00000000-0000-7000-8000-000000000000"
OUT_OF_REACH = timedelta(days=1)
"""No sweeper may queue these rows before we do."""


def store(channel: str, count: int, first_number: int) -> list[str]:
    """Insert PENDING rows in parts; return their ids."""
    ids: list[str] = []
    for start in range(first_number, first_number + count, PART):
        numbers = range(start, min(start + PART, first_number + count))
        with unit_of_work() as uow:
            client = clients.ensure(uow.session, DEFAULT_CLIENT, now=uow.now)
            part = new_ids(uow.now, len(numbers))
            rows = [_row(each, client.id, channel, number) for each, number in zip(part, numbers, strict=True)]
            notifications.insert(uow.session, rows)
        ids += part
    return ids


def _row(notification_id: str, client_id: int, channel: str, number: int) -> dict[str, object]:
    now = utc_now()
    return {
        "id": notification_id,
        "client_id": client_id,
        "status": Status.PENDING,
        "channel": channel,
        "recipient": RECIPIENTS[channel](number),
        "body": BODY,
        "metadata": {},
        "attempt_limit": 6,
        "queue_at": now + OUT_OF_REACH,
        "created_at": now,
    }


def queue(channel: str, ids: list[str], size: int) -> None:
    """Queue one chain for each `size` ids."""
    for start in range(0, len(ids), size):
        if not publish_pipeline(channel, ids[start : start + size]):
            raise ConnectionError("the broker did not take the chains")


def main() -> None:
    """Store, warm up on an id that nobody has, then queue when told to."""
    channel, (size, count, first_number) = sys.argv[1], map(int, sys.argv[2:])
    ids = store(channel, count, first_number)
    queue(channel, [NOBODY], size)
    publish_on_demand(lambda: queue(channel, ids, size))


if __name__ == "__main__":
    main()
