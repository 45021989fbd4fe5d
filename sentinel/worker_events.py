"""What workers tell Flower about their tasks, gathered: a message for each event held up the task it was about.

See docs/decisions/084-worker-events-leave-together.md.
"""

from __future__ import annotations

from typing import Any

from celery.app import events
from celery.events.dispatcher import EventDispatcher
from celery.events.event import group_from
from kombu.asynchronous import get_event_loop

GATHER_SECONDS = 0.5
"""How long a task's event waits for company; it carries its own time, so Flower shows the true one."""

MOST_GATHERED = 200


class GatheringDispatcher(EventDispatcher):  # type: ignore[misc] # Celery has no types
    """Celery's dispatcher, whose task events leave twice a second instead of in each turn of the worker's loop."""

    _timer: Any = None

    def __init__(self, *args: Any, on_send_buffered: Any = None, **kwargs: Any) -> None:
        # Celery gives it to a dispatcher inside a worker's event loop; elsewhere nobody would turn our clock.
        self._loop = get_event_loop() if on_send_buffered is not None else None
        super().__init__(*args, buffer_limit=MOST_GATHERED, **kwargs)

    def enable(self) -> None:
        """Begin, and begin to flush."""
        super().enable()
        if self._loop is not None and self._timer is None:
            self._timer = self._loop.call_repeatedly(GATHER_SECONDS, self.flush)  # type: ignore[no-untyped-call]

    def send(self, type: str, **fields: Any) -> Any:  # noqa: A002 - Celery's name
        """Send an event; one about the worker itself, as its end, comes after those of its tasks."""
        if group_from(type) not in self.buffer_group:
            self.flush()
        return super().send(type, **fields)

    def close(self) -> None:
        """End, and flush no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().close()


class Events(events.Events):  # type: ignore[misc] # Celery has no types
    """Celery's `app.events` with our dispatcher."""

    dispatcher_cls = f"{__name__}:GatheringDispatcher"
