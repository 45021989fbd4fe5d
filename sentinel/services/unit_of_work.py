"""One transaction, and what is to be queued once it is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.orm import Session

from sentinel import broker, dispatcher, metrics
from sentinel.clock import utc_now
from sentinel.db import new_session, new_session_of_single_statements

Publish = Callable[[str, Sequence[str]], object]


class UnitOfWork:
    """A session, the moment it works at, and the ids it will have queued: nothing is queued before the commit."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.unqueued = 0
        """Ids that the broker did not take after the commit; the sweeper queues them later."""
        self._publications: list[tuple[Publish, str, Sequence[str]]] = []
        self._measures: metrics.Additions = []
        self._afterwards: list[Callable[[], object]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """After the commit, add to a counter: what is rolled back was never counted."""
        self._measures += metrics.counted(name, amount, labels)

    def observe(self, name: str, *seconds: float, **labels: str) -> None:
        """After the commit, add durations to a histogram."""
        self._measures += metrics.observed(name, seconds, labels)

    def after_commit(self, action: Callable[[], object]) -> None:
        """After the commit, call `action`, which must not raise: the rows are stored already."""
        self._afterwards.append(action)

    def dispatch(self, channel: str, ids: Sequence[str]) -> None:
        """After the commit, hand fresh rows to this process' dispatcher (returns at once)."""
        self._publications.append((dispatcher.get_dispatcher().add, channel, ids))

    def dispatch_events(self, ids: Sequence[str]) -> None:
        """After the commit, hand fresh events to this process' dispatcher (returns at once)."""
        self.dispatch(broker.EVENTS, ids)

    def queue_events(self, ids: Sequence[str]) -> None:
        """After the commit, queue events to be matched."""
        self._publications.append((broker.publish_accepted, broker.EVENTS, ids))

    def queue_receipts(self, ids: Sequence[str]) -> None:
        """After the commit, queue reports to be read."""
        self._publications.append((broker.publish_accepted, broker.RECEIPTS, ids))

    def queue_pipeline(self, channel: str, ids: Sequence[str]) -> None:
        """After the commit, queue the chain for these rows."""
        self._publications.append((broker.publish_pipeline, channel, ids))

    def queue_first_try(self, channel: str, ids: Sequence[str]) -> None:
        """After the commit, queue the delivery of rows that have been through all stages."""
        self._publications.append((broker.publish_first_try, channel, ids))

    def queue_delivery(self, channel: str, ids: Sequence[str]) -> None:
        """After the commit, queue another try for these rows."""
        self._publications.append((broker.publish_delivery, channel, ids))

    def queue_reconcile(self, channel: str, ids: Sequence[str]) -> None:
        """After the commit, queue questions about these sends in doubt."""
        self._publications.append((broker.publish_reconcile, channel, ids))

    def publish(self) -> None:
        """Send what was gathered; called once the transaction is committed."""
        if self._measures:
            metrics.get_meter().add(self._measures)
        for action in self._afterwards:
            action()
        for publish, channel, ids in self._publications:
            if publish(channel, ids) is False:
                self.unqueued += len(ids)


@contextmanager
def unit_of_work() -> Iterator[UnitOfWork]:
    """Commit when the block ends well, roll back when it does not; queue only after the commit."""
    with new_session() as session:
        uow = UnitOfWork(session, utc_now())
        yield uow
        session.commit()
    uow.publish()


@contextmanager
def single_statements() -> Iterator[UnitOfWork]:
    """A unit of work whose statements are each committed as they have run: for reads, or for one write.

    It saves the round trips of BEGIN and COMMIT. What a second statement must undo when it fails belongs in
    `unit_of_work`. What was gathered is published when the block ends well.
    """
    with new_session_of_single_statements() as session:
        uow = UnitOfWork(session, utc_now())
        yield uow
        session.commit()
    uow.publish()
