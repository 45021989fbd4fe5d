"""Deliver, with the retry policy: what is due again soon comes back as a Celery retry on the channel's retry queue.

Sends in doubt are asked about on that queue too.
"""

from __future__ import annotations

from typing import Any

from sentinel.bell import get_bell
from sentinel.broker import celery, countdown
from sentinel.services.sending import delivery, reconciling


# The tries are counted in the row; a message may come back as often as its rows are due.
@celery.task(bind=True, name="tasks.delivery.deliver", max_retries=None)
def deliver(self: Any, ids: list[str], *, channel: str) -> None:
    """Send what is still ours of these notifications."""
    get_bell().quiet(channel)  # the next part-filled chain may come while this one is being sent
    again = delivery.deliver(channel, ids, worker=self.request.hostname)
    if again.ids:
        raise self.retry(args=[again.ids], countdown=countdown(again.seconds), queue=f"{channel}.retry")


@celery.task(name="tasks.delivery.reconcile")
def reconcile(ids: list[str], *, channel: str) -> None:
    """Ask the provider about these sends in doubt."""
    reconciling.reconcile(channel, ids)
