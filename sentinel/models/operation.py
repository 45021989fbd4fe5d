"""What the engine remembers about itself: provider accounts, its books, and the sweepers' last success."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    String,
    false,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class ProviderAccount(Base):
    """The circuit breaker of a provider account. It is open when the account refused us or failed too often.

    It rests until `paused_until`; then one message may try it (`half_open`), and its receipt closes or opens it.
    """

    __tablename__ = "provider_accounts"
    __table_args__ = (CheckConstraint("state IN ('closed', 'half_open', 'open')", name="state"),)

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), server_default=literal_column("'open'"))
    paused_until: Mapped[datetime | None]
    reason: Mapped[str | None]
    hint: Mapped[str | None]
    opened_at: Mapped[datetime | None]
    # Half open: the worker that tries it has until then; after that another may.
    probe_until: Mapped[datetime | None]
    # Openings in a row: each pause is longer than the one before.
    openings: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    # Tries and failures since `window_started_at`, from which the failure rate follows.
    tries: Mapped[int] = mapped_column(server_default=literal_column("0"))
    failures: Mapped[int] = mapped_column(server_default=literal_column("0"))
    window_started_at: Mapped[datetime | None]
    # Held by an operator: it stays open until somebody resumes it.
    is_held: Mapped[bool] = mapped_column(server_default=false())
    updated_at: Mapped[datetime]


class DeliveryPolicy(Base):
    """What a client wants done with a send in doubt, on one channel or on all (`*`)."""

    __tablename__ = "delivery_policies"
    __table_args__ = (
        CheckConstraint("ambiguous_policy IN ('at_least_once', 'at_most_once')", name="ambiguous_policy"),
    )

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    ambiguous_policy: Mapped[str] = mapped_column(String(20))
    updated_at: Mapped[datetime]


class FailoverChain(Base):
    """Where the messages of a client on a channel go that name no other targets, and whose endpoint names none."""

    __tablename__ = "failover_chains"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    # As a notification's: `[{"channel", "recipient", "after_seconds"}]` or `[{"endpoint", "after_seconds"}]`.
    targets: Mapped[list[dict[str, Any]]]
    updated_at: Mapped[datetime]


class BookEntry(Base):
    """So many notifications of a client, channel and day (UTC) were accepted, or deleted after their retention.

    Written by the statements that make or delete the rows, and by nothing else: what happens to a row in another way
    is missing here. Beat adds the entries up into `BookTotal`.
    """

    __tablename__ = "book_entries"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    client_id: Mapped[int]
    channel: Mapped[str] = mapped_column(String(20))
    day: Mapped[date]
    accepted: Mapped[int] = mapped_column(server_default=literal_column("0"))
    pruned: Mapped[int] = mapped_column(server_default=literal_column("0"))


class BookTotal(Base):
    """The entries of a client, channel and day that were added up; those that are not yet stand beside it."""

    __tablename__ = "book_totals"

    day: Mapped[date] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    accepted: Mapped[int] = mapped_column(BigInteger)
    pruned: Mapped[int] = mapped_column(BigInteger)


class AuditRun(Base):
    """One look at the books: how many discrepancies there were, and the first of them."""

    __tablename__ = "audit_runs"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    checked: Mapped[int]
    discrepancies: Mapped[int]
    report: Mapped[dict[str, Any]]


class SweeperRun(Base):
    """When each sweeper last finished, and how many rows it moved."""

    __tablename__ = "sweeper_runs"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    last_success_at: Mapped[datetime]
    last_count: Mapped[int] = mapped_column(Integer)
