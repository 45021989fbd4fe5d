"""The Celery worker's side: `celery -A tasks worker`. A task holds its retry policy and one service call."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown

from sentinel.broker import celery as app
from sentinel.db import forget_engine
from sentinel.services.delivery import get_sender

__all__ = ["app"]

app.conf.imports = ["tasks.pipeline", "tasks.delivery", "tasks.maintenance"]


@worker_process_init.connect
def _after_fork(**_: Any) -> None:
    forget_engine()  # a connection shared with the parent would mix up two conversations


@worker_process_shutdown.connect
def _before_exit(**_: Any) -> None:
    if get_sender.cache_info().currsize:
        get_sender().close()
