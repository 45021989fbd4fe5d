"""Notifications, the claims of their dedupe keys, and what happened to them apart from attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base
from sentinel.models.status import IN_FLIGHT, RETRYABLE, WAITING, Status


def _listed(statuses: frozenset[Status]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


UNSENT = frozenset({Status.CANCELLED, Status.SUPPRESSED})
"""Ends that nothing was sent for; those that failed have an index of their own."""


class Notification(Base):
    """One message to one target on one channel. The row is the truth; a queue message is only a hint."""

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({_listed(frozenset(Status))})",
            name="status",
        ),
        # Never silent: what is not finished has a time at which somebody looks at it again.
        CheckConstraint(f"(status IN ({_listed(WAITING)})) = (queue_at IS NOT NULL)", name="waiting_has_time"),
        CheckConstraint(
            "(status = 'SENDING') = (lease_until IS NOT NULL) AND (lease_until IS NULL) = (lease_id IS NULL)",
            name="sending_has_lease",
        ),
        # The channel goes with the id, so that a list of a rare one passes over the others without reading their rows.
        Index("ix_notifications_client_id_id_channel", "client_id", "id", "channel"),
        # "Why did I not get this?" is asked with an address; an inbox is read by its user. Each row is entered anew at
        # its claim and at its end, and addresses are long: four bytes of each are enough.
        Index("ix_notifications_client_id_recipient_hash", "client_id", text("hashtext(recipient)"), "id"),
        Index(
            "ix_notifications_client_id_user_id_id",
            "client_id",
            "user_id",
            "id",
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        # Its condition names no status: who asks for the PENDING ones among some ids must not read all that wait.
        Index("ix_notifications_queue_at", "queue_at", postgresql_where=text("queue_at IS NOT NULL")),
        Index("ix_notifications_sending", "lease_until", postgresql_where=text("status = 'SENDING'")),
        Index(
            "ix_notifications_retryable",
            "client_id",
            "id",
            postgresql_where=text(f"status IN ({_listed(RETRYABLE)})"),
        ),
        # What is asked for by its end or its reason, and only what has one: a message that goes through costs nothing.
        # The same of all clients, for operators.
        Index("ix_notifications_letters", "id", postgresql_where=text(f"status IN ({_listed(RETRYABLE)})")),
        Index("ix_notifications_replay_id", "replay_id", "status", postgresql_where=text("replay_id IS NOT NULL")),
        Index(
            "ix_notifications_unsent",
            "client_id",
            "status",
            "id",
            postgresql_where=text(f"status IN ({_listed(UNSENT)})"),
        ),
        Index("ix_notifications_reason", "client_id", "reason", "id", postgresql_where=text("reason IS NOT NULL")),
        # Once: however often an event is evaluated, it is told to a target of a client once.
        Index(
            "uq_notifications_event_id_target",
            "event_id",
            "client_id",
            "channel",
            "recipient",
            unique=True,
            postgresql_where=text("event_id IS NOT NULL"),
        ),
        # Once: what takes over for a notification is one row.
        Index(
            "uq_notifications_failover_of",
            "failover_of",
            unique=True,
            postgresql_where=text("failover_of IS NOT NULL"),
        ),
        Index(
            "ix_notifications_failover_due",
            "failover_at",
            postgresql_where=text("failover IS NOT NULL AND status IN ('PENDING', 'RETRYING')"),
        ),
        Index(
            "ix_notifications_failover_ended",
            "id",
            postgresql_where=text("failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')"),
        ),
        Index(
            "ix_notifications_parked",
            "channel",
            "id",
            postgresql_where=text("reason = 'account_paused' AND status IN ('PENDING', 'RETRYING')"),
        ),
        Index(
            "ix_notifications_held",
            "group_id",
            "id",
            postgresql_where=text("group_id IS NOT NULL AND status = 'PENDING'"),
        ),
        # What was kept here and not sent: the console shows it as people would have got it, newest first;
        # channel and client go with the id, so that a list of a rare one passes over the others without their rows.
        Index(
            "ix_notifications_kept",
            "id",
            "channel",
            "client_id",
            postgresql_where=text("provider IN ('inbox', 'sandbox')"),
        ),
        Index("ix_notifications_told_by", "told_by", "id", postgresql_where=text("told_by IS NOT NULL")),
        Index(
            "ix_notifications_untold",
            "id",
            postgresql_where=text(
                "is_followed AND told_status IS DISTINCT FROM status "
                f"AND status IN ({_listed(frozenset(Status) - IN_FLIGHT)})"
            ),
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    channel: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str]
    subject: Mapped[str | None]
    body: Mapped[str]
    severity: Mapped[str | None] = mapped_column(String(20))
    user_id: Mapped[str | None]
    dedupe_key: Mapped[str | None]
    # How long the key holds; none: SENTINEL_DEDUPE_SECONDS.
    dedupe_seconds: Mapped[int | None]
    # Of a notification that rules made: the event, the rules of this client that asked for it, and the endpoint.
    event_id: Mapped[str | None] = mapped_column(ID)
    rule_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    endpoint_id: Mapped[int | None]
    # `metadata` is taken on declarative classes
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=literal_column("'{}'::jsonb"))
    status: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None]
    duplicate_of: Mapped[str | None] = mapped_column(ID)
    # The silence that held it back.
    silence_id: Mapped[str | None] = mapped_column(ID)
    # The alert that inhibited it: {"inhibition", "alert", "event_id"}.
    inhibited_by: Mapped[dict[str, Any] | None]
    provider: Mapped[str | None] = mapped_column(String(20))
    provider_message_id: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    attempt_limit: Mapped[int] = mapped_column(SmallInteger)
    send_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    # Not sent before; none: at once.
    next_attempt_at: Mapped[datetime | None]
    # While waiting: when the sweeper queues it again, in case the message in the queue was lost.
    queue_at: Mapped[datetime | None]
    lease_id: Mapped[str | None] = mapped_column(ID)
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    # Other targets to try, in order, when this one cannot be reached; by `failover_at` at the latest.
    failover: Mapped[list[dict[str, Any]] | None]
    failover_at: Mapped[datetime | None]
    # The notification that this one takes over for.
    failover_of: Mapped[str | None] = mapped_column(ID)
    # What it tells of a ticket, where an escalation sends it; the link it carries is made of that as it leaves.
    ticket_message_id: Mapped[int | None] = mapped_column(BigInteger)
    # How often a provider was asked for a send in doubt.
    lookups: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    # The client has a webhook that wants to hear of its end; `told_status` is the last one that it was told.
    is_followed: Mapped[bool] = mapped_column(server_default=false())
    told_status: Mapped[str | None] = mapped_column(String(12))
    # While it waits: the group that tells it when it is due, alone or with others. Nothing else touches it meanwhile.
    group_id: Mapped[str | None] = mapped_column(ID)
    # The alert that it speaks of, and the message that told it in its stead.
    alert_key: Mapped[str | None]
    told_by: Mapped[str | None] = mapped_column(ID)
    # It was held until then, and goes as it is.
    released_at: Mapped[datetime | None]
    # The bulk replay that started it over last.
    replay_id: Mapped[int | None]
    # The trace that it belongs to, as https://www.w3.org/TR/trace-context writes it; only while traces are on.
    traceparent: Mapped[str | None]


class DedupeClaim(Base):
    """Who speaks for a dedupe key: one notification per client, key and target, until `expires_at`."""

    __tablename__ = "dedupe_claims"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    notification_id: Mapped[str] = mapped_column(ID)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TimelineEntry(Base):
    """A decision that the row's own columns and its attempts do not tell: deferred, cancelled, retried, swept."""

    __tablename__ = "timeline_entries"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    notification_id: Mapped[str] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[dict[str, Any]]
