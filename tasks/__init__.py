"""The Celery worker's side: `celery -A tasks worker`. A task holds its retry policy and one service call."""

from __future__ import annotations

import gc
import resource
import time
from typing import Any

from billiard import pool
from celery.signals import (
    task_failure,
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from sentinel import metrics, stopping, tracing
from sentinel.broker import PIPELINE, publish_warm_up
from sentinel.broker import celery as app
from sentinel.db import forget_engine
from sentinel.dispatcher import get_dispatcher
from sentinel.services.sending.delivery import get_sender
from tasks import context, presence

__all__ = ["app", "presence"]

FILES = 8192
"""Open files that a worker wants to be allowed; receivers beyond that wait for their turn."""

# A child that ends waits until its parent has read its results: 30 s if the parent, which ends as well, reads no more.
# What is not read is handed out again, and finds nothing to claim.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20

app.conf.imports = ["tasks.pipeline", "tasks.delivery", "tasks.receipts", "tasks.maintenance"]


@worker_before_create_process.connect
def _before_fork(**_: Any) -> None:
    gc.freeze()  # a child's collector would write to everything it inherits, and shared memory would be shared no more


@worker_process_init.connect
def _after_fork(**_: Any) -> None:
    forget_engine()  # a connection shared with the parent would mix up two conversations


@worker_init.connect
def _before_work(**_: Any) -> None:
    """Each send in flight holds a connection, and shells allow few: take what the system would give."""
    tracing.prepare()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft not in (resource.RLIM_INFINITY, most):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


@worker_ready.connect
def _ready(sender: Any, **_: Any) -> None:
    if PIPELINE in sender.app.amqp.queues.consume_from:
        publish_warm_up()


@worker_shutting_down.connect
def _told_to_stop(**_: Any) -> None:
    stopping.ask()  # sends under way end, the others are given back: the grace need not outlast a whole batch


@task_prerun.connect
def _task_begins(task: Any, args: Any, kwargs: Any, **_: Any) -> None:
    task.request.began = time.monotonic()
    task.request.around = context.enter(task, args, kwargs)


@task_postrun.connect
def _task_ends(task: Any, **_: Any) -> None:
    labels = _labels(task)
    metrics.count("worker_tasks_total", 1, **labels)
    metrics.observe("worker_task_seconds", time.monotonic() - task.request.began, **labels)
    task.request.around.close()


@task_failure.connect
def _task_fails(sender: Any, exception: BaseException, **_: Any) -> None:
    tracing.note({}, failure=type(exception).__name__)
    metrics.count("worker_task_errors_total", 1, **_labels(sender))


def _labels(task: Any) -> dict[str, str]:
    """By the worker's name alone: hosts of containers change with every start, and series would pile up."""
    return {"worker": task.request.hostname.partition("@")[0], "task": task.name}


@worker_shutdown.connect
@worker_process_shutdown.connect
def _before_exit(**_: Any) -> None:
    if get_dispatcher.is_made:
        get_dispatcher().close()
    metrics.flush()
    if get_sender.is_made:
        get_sender().close()
    tracing.stop()
