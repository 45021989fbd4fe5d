"""The life of a notification as data: which status may follow which."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a notification stands."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    RETRYING = "RETRYING"
    AMBIGUOUS = "AMBIGUOUS"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    SUPPRESSED = "SUPPRESSED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ALLOWED: dict[Status, frozenset[Status]] = {
    # PENDING → FAILED: the channel has no provider, so there was never a try.
    Status.PENDING: frozenset({Status.SENDING, Status.SUPPRESSED, Status.FAILED, Status.CANCELLED}),
    # SENDING → PENDING: given back unsent (account paused, or the batch ran out of time) before its first try.
    Status.SENDING: frozenset({Status.SENT, Status.RETRYING, Status.AMBIGUOUS, Status.FAILED, Status.PENDING}),
    # RETRYING → SUPPRESSED: its address was opted out meanwhile. → SENT, DELIVERED: an earlier try in doubt did arrive.
    Status.RETRYING: frozenset(
        {
            Status.SENDING,
            Status.SENT,
            Status.FAILED,
            Status.CANCELLED,
            Status.SUPPRESSED,
            Status.DELIVERED,
            Status.UNDELIVERED,
        }
    ),
    # AMBIGUOUS → SENT, DELIVERED, UNDELIVERED: the provider was asked, or called back, and knows the message.
    Status.AMBIGUOUS: frozenset(
        {Status.RETRYING, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED, Status.SUPPRESSED}
    ),
    # SENT → RETRYING: the provider could not deliver it, and another send may.
    Status.SENT: frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.RETRYING}),
    # The only ways out of an end are an operator's: `retry` starts over with a fresh allowance of attempts.
    Status.FAILED: frozenset({Status.PENDING}),
    Status.UNDELIVERED: frozenset({Status.PENDING}),
    Status.DELIVERED: frozenset(),
    Status.SUPPRESSED: frozenset(),
    Status.CANCELLED: frozenset(),
}

WAITING = frozenset({Status.PENDING, Status.RETRYING, Status.AMBIGUOUS})
"""Statuses with a `queue_at`: somebody will look again. The table's CHECK says the same."""

IN_FLIGHT = WAITING | {Status.SENDING}
FINAL = frozenset(Status) - IN_FLIGHT
RETRYABLE = frozenset(status for status in FINAL if Status.PENDING in ALLOWED[status])
CANCELLABLE = frozenset(status for status, after in ALLOWED.items() if Status.CANCELLED in after)


def sources(target: Status) -> list[str]:
    """The statuses from which `target` may be reached, for the WHERE clause of its UPDATE."""
    return sorted(status.value for status, after in ALLOWED.items() if target in after)


class Reason(StrEnum):
    """Why a notification stands where it stands, where the provider's receipt does not say it."""

    DUPLICATE = "duplicate"
    RATE_LIMITED = "rate_limited"
    EXPIRED = "expired"
    CLIENT_DISABLED = "client_disabled"
    NOT_CONFIGURED = "not_configured"
    NO_ENDPOINT = "no_endpoint"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    QUIET_HOURS = "quiet_hours"
    GROUPED = "grouped"
    OUTDATED = "outdated"
    FLAPPING = "flapping"
    RESOLVED_OFF = "resolved_off"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    AMBIGUOUS = "ambiguous"
    WORKER_LOST = "worker_lost"
    ACCOUNT_PAUSED = "account_paused"
    RECEIVER_RESTS = "receiver_rests"
    LIMITER_DOWN = "limiter_down"
    RETRIED = "retried"
    FAILED_OVER = "failed_over"
    OPTED_OUT = "opted_out"
    INVALID = "invalid"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    MANUAL = "manual"
