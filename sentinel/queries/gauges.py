"""What the metrics ask the database when they are read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# Partial indexes know what has not ended; the two conditions are written as theirs.
GAUGES = text("""
    WITH waiting AS MATERIALIZED (
        SELECT channel, status, CAST(count(*) AS float8) AS number,
            min(coalesce(next_attempt_at, created_at)) AS due_at
        FROM notifications WHERE queue_at IS NOT NULL GROUP BY channel, status
    )
    SELECT 'notifications_in_flight', ARRAY[channel, status], number FROM waiting
    UNION ALL
    SELECT 'notifications_in_flight', ARRAY[channel, status], count(*)
    FROM notifications WHERE status = 'SENDING' GROUP BY channel, status
    UNION ALL
    SELECT 'notifications_oldest_due_seconds', ARRAY[channel],
        greatest(0, extract(epoch FROM CAST(:now AS timestamptz) - min(due_at)))
    FROM waiting GROUP BY channel
    UNION ALL
    SELECT 'notifications_held', ARRAY[channel], count(*)
    FROM notifications WHERE group_id IS NOT NULL AND status = 'PENDING' GROUP BY channel
    UNION ALL
    SELECT 'groups_open', ARRAY[kind], count(*) FROM message_groups WHERE began_at IS NOT NULL GROUP BY kind
    UNION ALL
    SELECT 'events_pending', '{}', count(*) FROM events WHERE status = 'PENDING'
    UNION ALL
    SELECT 'events_oldest_pending_seconds', '{}',
        coalesce(greatest(0, extract(epoch FROM CAST(:now AS timestamptz) - min(created_at))), 0)
    FROM events WHERE status = 'PENDING'
    UNION ALL
    SELECT 'tickets_unresolved', ARRAY[severity, status], count(*)
    FROM tickets WHERE status <> 'resolved' GROUP BY severity, status
    UNION ALL
    SELECT 'breaker_open', ARRAY[name], CASE state WHEN 'open' THEN 1 WHEN 'half_open' THEN 0.5 ELSE 0 END
    FROM provider_accounts
    UNION ALL
    (SELECT 'audit_discrepancies', '{}', discrepancies FROM audit_runs ORDER BY id DESC LIMIT 1)
    UNION ALL
    SELECT 'audit_age_seconds', '{}',
        greatest(0, extract(epoch FROM CAST(:now AS timestamptz) - max(finished_at)))
    FROM audit_runs HAVING count(*) > 0
    UNION ALL
    SELECT 'rules_enabled', '{}', count(*) FROM rules WHERE is_enabled
    UNION ALL
    SELECT 'clients_active', '{}', count(*) FROM clients WHERE is_active
    UNION ALL
    SELECT 'endpoints_enabled', ARRAY[channel], count(*) FROM endpoints WHERE is_enabled GROUP BY channel
    UNION ALL
    SELECT 'sweeper_last_success_age_seconds', ARRAY[name],
        greatest(0, extract(epoch FROM CAST(:now AS timestamptz) - last_success_at))
    FROM sweeper_runs
""")


def gauges(session: Session, *, now: datetime) -> dict[tuple[str, ...], float]:
    """Return values by name and labels; what there is none of is left out."""
    return {(name, *labels): value for name, labels, value in session.execute(GAUGES, {"now": now})}
