"""Load tests: made-up events that are offered by a plan, however often the process that does it is killed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base

ZERO = text("0")


class LoadTestStatus(StrEnum):
    """Where a load test stands; all but the first two are ends."""

    WAITING = "waiting"
    """Its turn has not come."""
    RUNNING = "running"
    """A process has its lease, or had it: when the lease is over, another goes on."""
    FINISHED = "finished"
    """Every event had its answer."""
    STOPPED = "stopped"
    """Somebody ended it."""
    FAILED = "failed"
    """It could not go on; `problem` says why."""


class LoadTest(Base):
    """A plan, and how far it is carried out. Its events have the ids `label`-1, `label`-2 and so on."""

    __tablename__ = "load_tests"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'finished', 'stopped', 'failed')", name="status"),
        # Never silent: what runs is looked at again when its lease is over.
        CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name="running_has_lease"),
        CheckConstraint("(status IN ('waiting', 'running')) = (finished_at IS NULL)", name="finished_has_time"),
        Index("ix_load_tests_client_id_id", "client_id", "id"),
        Index("ix_load_tests_open", "id", postgresql_where=text("finished_at IS NULL")),
        Index("ix_load_tests_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    label: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    # {"url", "rate", "burst", "batch", "connections"}, and of alerts {"severity", "source", "name"} as `A:60,B:40`.
    plan: Mapped[dict[str, Any]]
    seed: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(Integer)
    started_by: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(8))
    problem: Mapped[str | None]
    is_stop_wanted: Mapped[bool] = mapped_column(server_default=false())
    # Of the process that offers; whoever writes how far it came must name it.
    lease_id: Mapped[str | None] = mapped_column(ID)
    lease_until: Mapped[datetime | None]
    # Processes that were started since an event was last answered.
    starts: Mapped[int] = mapped_column(SmallInteger, server_default=ZERO)
    # The API key that it calls with; none in open mode, and before and after.
    key_id: Mapped[int | None]
    # All events before this number (from 0) are settled, and of those after it the requests that begin at `ahead`.
    place: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    ahead: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=literal_column("'{}'::integer[]"))
    accepted: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    duplicates: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    refused: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    failed: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    # Requests that nobody had taken at their deadline: a load test that has any cannot go on.
    given_up: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    # How often a request was put off, because the API asked for it or did not answer.
    waits: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    seconds: Mapped[float] = mapped_column(Float, server_default=ZERO)
    # Of the answers since the latest start.
    p50_ms: Mapped[float | None]
    p99_ms: Mapped[float | None]
    # [[second, events answered until then], …], a few hundred at most.
    curve: Mapped[list[list[float]]] = mapped_column(JSONB(), server_default=literal_column("'[]'::jsonb"))
    created_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    @property
    def answered(self) -> int:
        """How many events have had their answer, or will not get one."""
        return self.accepted + self.duplicates + self.refused + self.failed

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.finished_at is None
