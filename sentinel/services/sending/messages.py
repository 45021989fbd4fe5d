"""What providers get of a row."""

from __future__ import annotations

from sentinel.channels.base import Message
from sentinel.queries.delivery import ClaimedRow
from sentinel.services.escalating import links


def message_of(row: ClaimedRow, channel: str, *, traceparent: str | None = None) -> Message:
    """Make the message of a row."""
    return Message(
        id=row.id,
        channel=channel,
        recipient=row.recipient,
        body=row.body,
        subject=row.subject,
        severity=row.severity,
        metadata=row.metadata,
        client=row.client,
        event_id=row.event_id,
        event=row.event,
        rule_ids=tuple(row.rule_ids or ()),
        endpoint_id=row.endpoint_id,
        secret=row.secret,
        is_status=bool(row.is_status),
        created_at=row.created_at,
        attempt=row.attempt,
        traceparent=traceparent,
        link=None if row.ticket_message_id is None else links.address_of(row.ticket_message_id),
    )
