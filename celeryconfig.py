"""Celery's settings: queues, routes, schedule and limits, each with its reason."""

from __future__ import annotations

from kombu import Exchange, Queue

from sentinel import rabbitmq
from sentinel.channels.registry import CHANNELS
from sentinel.settings import get_settings

_settings = get_settings()
_is_rabbitmq = _settings.is_rabbitmq

# --- Broker ----------------------------------------------------------------------------------------------------------
broker_url = _settings.celery_broker_url
# A publish must not hang a request or a worker: the row is stored, the sweeper queues it again.
broker_connection_timeout = 3
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # a worker outlives any outage of the broker
broker_use_ssl = rabbitmq.tls(broker_url)
broker_heartbeat = rabbitmq.HEARTBEAT_SECONDS  # Redis has none; there it is the client's own check that counts
_redis_options = {
    # Refused at start unless it outlasts the longest countdown and the tasks before it (Settings.time_order).
    "visibility_timeout": _settings.visibility_timeout_seconds,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "global_keyprefix": "sentinel:",  # one Redis may serve others too
    "priority_steps": [0],  # no message has a priority: a worker asks for one list of each queue, not for four
}
broker_transport_options = dict(rabbitmq.TRANSPORT_OPTIONS) if _is_rabbitmq else _redis_options

# --- Messages --------------------------------------------------------------------------------------------------------
task_serializer = "json"
accept_content = ["json"]  # data only: nothing that could run code when it is read
task_ignore_result = True  # callers read the row; a result backend costs a third of the throughput
task_store_errors_even_if_ignored = False
task_send_sent_event = False

# --- Queues: few per worker, a slow provider holds up only its own ---------------------------------------------------
task_default_queue = "pipeline"
task_default_exchange = "sentinel"
task_create_missing_queues = False  # a typo in a queue's name fails at once instead of waiting unread for ever
# Second tries wait on a queue of their own, so that a broken provider never delays first tries.
_names = ["pipeline", "receipts", "maintenance", *CHANNELS, *(f"{channel}.retry" for channel in CHANNELS)]
# RabbitMQ's delayed queues find their way back through a topic exchange only; on Redis it would cost a look-up.
_exchange = Exchange("sentinel", type="topic" if _is_rabbitmq else "direct")
_arguments = dict(rabbitmq.QUEUE_ARGUMENTS) if _is_rabbitmq else None
task_queues = [Queue(name, _exchange, routing_key=name, queue_arguments=_arguments) for name in _names]
task_routes = {
    "tasks.pipeline.*": {"queue": "pipeline"},
    "tasks.maintenance.*": {"queue": "maintenance"},
    # A queue of their own: a flood of reports holds up neither new messages nor the sweepers.
    "tasks.receipts.*": {"queue": "receipts"},
    # tasks.delivery.deliver is sent to its channel's queue by name (sentinel.broker).
}

# --- Safety ----------------------------------------------------------------------------------------------------------
# Acknowledged when done, handed out again when a worker is lost: safe, because the claim in the row lets one win.
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1  # waiting messages stay in the broker, where any worker can take them
task_time_limit = _settings.task_time_limit_seconds
task_soft_time_limit = _settings.task_time_limit_seconds - 10
worker_soft_shutdown_timeout = _settings.send_deadline_seconds + 5  # SIGTERM lets running sends end
worker_max_tasks_per_child = 10_000  # a leak in a library cannot grow for ever
worker_cancel_long_running_tasks_on_connection_loss = False  # the claim protects us; a cut connection stops no send

# --- Watching --------------------------------------------------------------------------------------------------------
worker_send_task_events = True  # Flower; costs nothing at batches of hundreds
worker_hijack_root_logger = False  # structlog formats everything
worker_proc_alive_timeout = 30.0  # importing on a busy machine

# --- Beat ------------------------------------------------------------------------------------------------------------
timezone = "UTC"
enable_utc = True
_often = _settings.sweep_seconds
beat_schedule = {
    # A sweep that waited longer than its period is pointless: the next one sees the same rows.
    "sweep-waiting": {"task": "tasks.maintenance.sweep_waiting", "schedule": _often, "options": {"expires": _often}},
    "sweep-failover": {"task": "tasks.maintenance.sweep_failover", "schedule": _often, "options": {"expires": _often}},
    "sweep-leases": {"task": "tasks.maintenance.sweep_leases", "schedule": _often, "options": {"expires": _often}},
    "sweep-alerts": {"task": "tasks.maintenance.sweep_alerts", "schedule": _often, "options": {"expires": _often}},
    "sweep-silences": {"task": "tasks.maintenance.sweep_silences", "schedule": _often, "options": {"expires": _often}},
    "sweep-heartbeats": {
        "task": "tasks.maintenance.sweep_heartbeats",
        "schedule": _often,
        "options": {"expires": _often},
    },
    "sweep-drills": {"task": "tasks.maintenance.sweep_drills", "schedule": _often, "options": {"expires": _often}},
    "sweep-replays": {"task": "tasks.maintenance.sweep_replays", "schedule": _often, "options": {"expires": _often}},
    "sweep-self-tests": {
        "task": "tasks.maintenance.sweep_self_tests",
        "schedule": _often,
        "options": {"expires": _often},
    },
    # It may wait behind the load itself: a test whose process was killed must go on all the same.
    "sweep-load-tests": {"task": "tasks.maintenance.sweep_load_tests", "schedule": 2.0, "options": {"expires": 10.0}},
    "sweep-receipts": {"task": "tasks.receipts.sweep", "schedule": _often, "options": {"expires": _often}},
    "tell-statuses": {"task": "tasks.receipts.tell", "schedule": _often, "options": {"expires": _often}},
    "fire-due": {"task": "tasks.maintenance.fire_due", "schedule": 1.0, "options": {"expires": 1.0}},
    "flush-groups": {"task": "tasks.maintenance.flush_groups", "schedule": 1.0, "options": {"expires": 1.0}},
    "sweep-escalations": {
        "task": "tasks.maintenance.sweep_escalations",
        "schedule": 1.0,
        "options": {"expires": 1.0},
    },
    # Ten seconds: docs/decisions/185-a-short-memory-of-counters.md
    "sample-counters": {"task": "tasks.maintenance.sample_counters", "schedule": 10.0, "options": {"expires": 10.0}},
    "prune": {"task": "tasks.maintenance.prune", "schedule": 60.0, "options": {"expires": 60.0}},
    "add-up-books": {"task": "tasks.maintenance.add_up_books", "schedule": 60.0, "options": {"expires": 60.0}},
    "audit": {"task": "tasks.maintenance.audit", "schedule": 900.0, "options": {"expires": 900.0}},
}
