"""The peer of our chain: four Celery tasks that do nothing, as `celery -A bench.bare_chain worker`.

`python -m bench.bare_chain COUNT` queues that many chains when it is told to. With `COUNT RATE` they come at
that pace, and the last task of each notes how long it took from its publisher to there.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from typing import Any

import redis
from celery import Celery, chain

from bench.publishing import publish_on_demand

QUEUE = "bare"
WARM_UP = 5
WAITS = "bare:waits"
ONE_ID = "0192f0c1-0000-7000-8000-000000000000"

app = Celery("bare", broker=os.environ["REDIS_URL"])
# What keeps our own tasks safe and quick, and nothing else, so that the difference is our work and not a setting.
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


def _nothing(ids: Any) -> Any:
    return ids


first, second, third, fourth = (app.task(name=f"bare.{name}")(_nothing) for name in ("one", "two", "three", "four"))


@cache
def _store() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def _note(published_at: float) -> None:
    """Say how long it took until here."""
    _store().rpush(WAITS, (time.time() - published_at) * 1000)


note = app.task(name="bare.note")(_note)


def publish_paced(count: int, rate: float) -> None:
    """Queue chains at an even pace."""
    begin = time.time()
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate - time.time()))
        chain(first.s(time.time()), second.s(), third.s(), note.s()).apply_async()


def publish(count: int) -> None:
    """Queue `count` chains."""
    for _ in range(count):
        chain(first.s([ONE_ID]), second.s(), third.s(), fourth.s()).apply_async()


if __name__ == "__main__":
    publish(WARM_UP)
    if len(sys.argv) > 2:  # noqa: PLR2004 # a pace is given too
        publish_on_demand(lambda: publish_paced(int(sys.argv[1]), float(sys.argv[2])))
    else:
        publish_on_demand(lambda: publish(int(sys.argv[1])))
