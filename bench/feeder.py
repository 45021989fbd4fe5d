"""Stores notifications as the API would and queues them in chains of a given size: `python -m bench.feeder`.

`store COUNT FIRST_NUMBER` prints the ids; `queue SIZE` reads ids from its standard input.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from bench.generator import BODY, recipient_of
from bench.publishing import tell
from sentinel.broker import publish_pipeline
from sentinel.clock import utc_now
from sentinel.ids import new_ids
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import clients, notifications
from sentinel.services.unit_of_work import unit_of_work

PART = 1000
OUT_OF_REACH = timedelta(days=1)
"""No sweeper may queue these rows before we do."""


def store(count: int, first_number: int) -> list[str]:
    """Insert PENDING rows in parts; return their ids."""
    ids: list[str] = []
    for start in range(first_number, first_number + count, PART):
        numbers = range(start, min(start + PART, first_number + count))
        with unit_of_work() as uow:
            client = clients.ensure(uow.session, DEFAULT_CLIENT, now=uow.now)
            part = new_ids(uow.now, len(numbers))
            rows = [_row(each, client.id, number) for each, number in zip(part, numbers, strict=True)]
            notifications.insert(uow.session, rows)
        ids += part
    return ids


def _row(notification_id: str, client_id: int, number: int) -> dict[str, object]:
    now = utc_now()
    return {
        "id": notification_id,
        "client_id": client_id,
        "channel": "sms",
        "recipient": recipient_of(number),
        "body": BODY,
        "metadata": {},
        "attempt_limit": 6,
        "queue_at": now + OUT_OF_REACH,
        "created_at": now,
    }


def queue(ids: list[str], size: int) -> None:
    """Queue one chain for each `size` ids."""
    for start in range(0, len(ids), size):
        if not publish_pipeline("sms", ids[start : start + size]):
            raise ConnectionError("the broker did not take the chains")


def main() -> None:
    """Store, or queue what was stored."""
    match sys.argv[1:]:
        case ["store", count, first_number]:
            sys.stdout.write("\n".join(store(int(count), int(first_number))))
        case ["queue", size]:
            ids = sys.stdin.read().split()
            tell(lambda: queue(ids, int(size)))
        case wrong:
            raise SystemExit(f"not understood: {wrong}; use `store COUNT FIRST_NUMBER` or `queue SIZE`")


if __name__ == "__main__":
    main()
