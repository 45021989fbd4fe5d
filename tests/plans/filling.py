"""A database as after months of use: most has ended, some waits, a hundred clients share it unevenly."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from sentinel.clock import utc_now

CLIENTS = 100
DAYS = 95
"""Somewhat more than the retention keeps."""

# Ids as sentinel/ids.py makes them: milliseconds, version 7, then anything.
ID = """
    CAST(lpad(to_hex(floor(extract(epoch FROM {at}) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(({salt})::text), 1, 3) || '8' || substr(md5(({salt})::text), 4, 15) AS uuid)
"""

CLIENTS_SQL = "INSERT INTO clients (name, created_at) SELECT 'client ' || n, now() FROM generate_series(2, :clients) n"

NOTIFICATIONS = f"""
    INSERT INTO notifications (
        id, client_id, channel, recipient, body, user_id, status, reason, attempts, attempt_limit, provider, queue_at,
        next_attempt_at, lease_id, lease_until, event_id, is_followed, told_status, failover, failover_at, created_at,
        updated_at, sent_at)
    SELECT {ID.format(at="at", salt="n")}, CASE WHEN n % 5 = 0 THEN 1 ELSE 1 + n % :clients END,
           (ARRAY['sms', 'email', 'slack', 'webhook', 'inbox'])[1 + (n / 5) % 5],
           '+1415' || lpad((n % 90000)::text, 7, '0'),
           repeat('a', 40), CASE WHEN n % 3 = 0 THEN 'user ' || n % 5000 END, status,
           CASE status WHEN 'FAILED' THEN 'attempts_exhausted' WHEN 'SUPPRESSED' THEN 'duplicate'
                       WHEN 'RETRYING' THEN CASE WHEN n % 2 = 0 THEN 'account_paused' ELSE 'http_503' END END,
           CASE WHEN status IN ('PENDING', 'SUPPRESSED') THEN 0 ELSE 1 END, 6,
           CASE (n / 5) % 5 WHEN 4 THEN 'inbox' WHEN 2 THEN 'sandbox' ELSE 'twilio' END,
           CASE WHEN status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') THEN due END,
           CASE WHEN status IN ('RETRYING', 'AMBIGUOUS') OR n % 1000 < 10 THEN due END,
           CASE WHEN status = 'SENDING' THEN gen_random_uuid() END, CASE WHEN status = 'SENDING' THEN due END,
           CASE WHEN n % 3 = 0 THEN {ID.format(at="at", salt="n/3")} END, n % 10 = 0, status,
           CASE WHEN n % 500 = 0 THEN '[{{"channel": "email", "recipient": "a@example.com"}}]'::jsonb END,
           CASE WHEN n % 500 = 0 THEN due END, at, at, CASE WHEN status IN ('SENT', 'DELIVERED') THEN at END
    FROM (
        SELECT n, :now - make_interval(secs => (:rows - n) * (:days * 86400.0 / :rows)) AS at,
               CASE WHEN n > :rows - 4500 THEN
                        CASE WHEN n % 100 < 60 THEN 'PENDING' WHEN n % 100 < 90 THEN 'RETRYING'
                             WHEN n % 100 < 95 THEN 'SENDING' ELSE 'AMBIGUOUS' END
                    WHEN n % 1000 < 10 THEN 'FAILED' WHEN n % 1000 < 90 THEN 'SUPPRESSED'
                    WHEN n % 1000 < 95 THEN 'UNDELIVERED' WHEN n % 1000 < 98 THEN 'CANCELLED'
                    WHEN n % 2 = 0 THEN 'SENT' ELSE 'DELIVERED' END AS status,
               :now + CASE WHEN n % 10 = 0 THEN interval '-1 second' ELSE interval '1 hour' END AS due
        FROM generate_series(1, :rows) AS n) AS made
"""

ATTEMPTS = """
    INSERT INTO attempts (notification_id, number, provider, outcome, provider_message_id, started_at, duration_ms)
    SELECT id, 1, 'twilio', CASE WHEN status = 'AMBIGUOUS' THEN 'AMBIGUOUS' ELSE 'OK' END, 'SM' || md5(id::text),
           created_at, 12
    FROM notifications WHERE attempts = 1 AND status <> 'SENDING'
"""

EVENTS = f"""
    INSERT INTO events (
        id, client_id, event_id, type, occurred_at, body, is_broadcast, status, rule_ids, queue_at, created_at,
        evaluated_at)
    SELECT {ID.format(at="at", salt="n")}, 1 + n % :clients, CASE WHEN n % 2 = 0 THEN 'e' || n END, 'order', at,
           jsonb_build_object('type', 'order', 'amount', n % 1000, 'n', n), n % 50 = 0,
           CASE WHEN n > :rows - 500 THEN 'PENDING' WHEN n % 3 = 0 THEN 'MATCHED' ELSE 'UNMATCHED' END,
           CASE WHEN n % 3 = 0 THEN ARRAY[n % 200] ELSE '{{}}'::integer[] END,
           CASE WHEN n > :rows - 500 THEN :now END, at, at
    FROM (
        SELECT n, :now - make_interval(secs => (:rows - n) * (:days * 86400.0 / :rows)) AS at
        FROM generate_series(1, :rows) AS n) AS made
"""

TIMELINE = """
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, created_at, 'deferred', '{}' FROM notifications WHERE status = 'FAILED' OR user_id = 'user 3'
"""

TICKETS = """
    INSERT INTO tickets (
        client_id, event_id, rule_id, severity, title, status, merge_key, last_event_at, resolved_at, created_at,
        updated_at)
    SELECT client_id, id, 1, (ARRAY['critical', 'high', 'medium', 'low'])[1 + row_number() OVER () % 4], 'Disk full',
           CASE WHEN created_at > :now - interval '2 days' THEN 'open' ELSE 'resolved' END, id::text, created_at,
           CASE WHEN created_at > :now - interval '2 days' THEN NULL ELSE created_at END, created_at, created_at
    FROM events WHERE status = 'MATCHED' AND client_id % 2 = 1
"""

TICKET_EVENTS = """
    INSERT INTO ticket_events (event_id, rule_id, title, ticket_id) SELECT event_id, 1, title, id FROM tickets
"""

ESCALATIONS = """
    INSERT INTO escalations (
        ticket_id, client_id, policy, steps, repeat, repeat_wait_seconds, tells_end, state, round, step, run, token,
        next_step_at, created_at, updated_at)
    SELECT id, client_id, 'primary', '[{"wait_seconds": 0, "notify": ["sms:+14155552671"]}]', 2, 300, true,
           CASE WHEN status = 'resolved' THEN 'ended' WHEN id % 2 = 0 THEN 'running' ELSE 'exhausted' END, 1, 1, 1, 2,
           CASE WHEN status <> 'resolved' AND id % 2 = 0 THEN :now + make_interval(secs => id % 3600 - 60) END,
           created_at, updated_at
    FROM tickets
"""

TICKET_MESSAGES = """
    INSERT INTO ticket_messages (
        id, ticket_id, notification_id, run, token, round, step, target, who, channel, recipient, expires_at)
    SELECT id, id, gen_random_uuid(), 1, 1, 1, 1, 'endpoint:ann', 'ann', 'sms', '+14155552671', created_at FROM tickets
"""

TICKET_ENTRIES = """
    INSERT INTO ticket_entries (ticket_id, at, kind, detail)
    SELECT id, created_at, kind, '{}' FROM tickets, unnest(ARRAY['escalation_began', 'step_told']) AS kind
"""

RECEIPTS = f"""
    INSERT INTO receipts (
        id, provider, provider_event_id, notification_id, kind, body, status, queue_at, occurred_at, received_at)
    SELECT {ID.format(at="created_at", salt="id")}, 'twilio', id::text, id, 'delivered', '{{}}',
           CASE WHEN told_status = 'SENT' AND queue_at IS NULL AND created_at > :now - interval '1 hour'
                THEN 'PENDING' ELSE 'APPLIED' END,
           CASE WHEN told_status = 'SENT' AND queue_at IS NULL AND created_at > :now - interval '1 hour' THEN :now END,
           created_at, created_at
    FROM notifications WHERE status = 'DELIVERED' OR status = 'SENT'
"""

SUPPRESSIONS = """
    INSERT INTO suppressions (client_id, channel, recipient, reason, source, created_at, lifted_at)
    SELECT 1 + n % :clients, 'sms', '+1415' || lpad(n::text, 7, '0'), 'invalid', 'twilio', :now,
           CASE WHEN n % 10 = 0 THEN :now - interval '92 days' END
    FROM generate_series(1, :rows / 20) AS n
"""

INTEGRATIONS = """
    INSERT INTO integrations (id, client_id, kind, name, secret, created_at, updated_at)
    SELECT gen_random_uuid(), 1 + n % :clients, 'github', 'integration ' || n, 'secret', :now, :now
    FROM generate_series(1, :clients * 10) AS n
"""

CLAIMS = """
    INSERT INTO dedupe_claims (client_id, dedupe_key, channel, recipient, notification_id, expires_at)
    SELECT 1 + n % :clients, 'key ' || n, 'sms', '+1415' || n, gen_random_uuid(), :now + make_interval(secs => n - 200)
    FROM generate_series(1, :rows / 10) AS n
"""

KEYS = """
    INSERT INTO idempotency_keys (client_id, key, request_hash, response_status, response_body, expires_at)
    SELECT 1 + n % :clients, 'key ' || n, '', 202, '{}', :now + make_interval(secs => n - 200)
    FROM generate_series(1, :rows / 10) AS n
"""

TOTALS = """
    INSERT INTO book_totals (client_id, channel, day, accepted, pruned)
    SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*), 0
    FROM notifications GROUP BY client_id, channel, day
"""

RULES = """
    INSERT INTO rule_changes (rule_id, changed_at)
    SELECT n, :now - make_interval(mins => 30000 - n) FROM generate_series(1, 20000) AS n
"""

SILENCES = """
    INSERT INTO silences (id, client_id, matchers, starts_at, ends_at, created_by, comment, created_at, updated_at)
    SELECT gen_random_uuid(), 1 + n % :clients, '[{"name": "a", "value": "b", "isRegex": false, "isEqual": true}]',
           ends_at - interval '1 hour', ends_at, 'ann', '', ends_at - interval '1 hour', ends_at - interval '1 hour'
    FROM generate_series(1, :rows / 20) AS n, LATERAL (SELECT :now + make_interval(mins => 60 - 12 * n) AS ends_at) AS e
"""

ALERTS = """
    INSERT INTO alerts (
        client_id, fingerprint, labels, annotations, generator_url, starts_at, ends_at, is_open_ended, status,
        updated_at)
    SELECT 1 + n % :clients, lpad(to_hex(n), 16, '0'), '{"alertname": "DiskFull"}', '{}', '', at, at, false,
           CASE WHEN n % 100 = 0 THEN 'firing' ELSE 'resolved' END, at
    FROM generate_series(1, :rows / 20) AS n, LATERAL (SELECT :now + make_interval(mins => 60 - 12 * n) AS at) AS e
"""

FIRING_ALERTS = """
    INSERT INTO firing_alerts (client_id, key, event_id, is_firing, labels, since, changed_at, forget_at)
    SELECT 1 + n % :clients, 'labels:' || n, gen_random_uuid(), n % 10 = 0,
           jsonb_build_object('alertname', 'DiskFull', 'instance', 'db-' || n), :now, :now,
           :now + make_interval(mins => n - 200)
    FROM generate_series(1, :rows / 20) AS n
"""

INHIBITIONS = """
    INSERT INTO inhibitions (id, client_id, name, source, target, equal, created_at, updated_at)
    SELECT gen_random_uuid(), 1 + n % :clients, 'inhibition ' || n,
           '[{"name": "alertname", "value": "NodeDown", "isRegex": false, "isEqual": true}]',
           '[{"name": "alertname", "value": "DiskFull", "isRegex": false, "isEqual": true}]', '{instance}', :now, :now
    FROM generate_series(1, :clients * 10) AS n
"""

GROUPS = """
    INSERT INTO message_groups (
        id, client_id, fingerprint, kind, scope, rule_id, channel, recipient, labels, rule_ids, wait_seconds,
        interval_seconds, repeat_seconds, pause_seconds, says_resolved, flap_changes, flap_seconds, began_at,
        next_flush_at, created_at)
    SELECT gen_random_uuid(), 1 + n % :clients, md5(n::text), 'grouping', 'rule', n % 200, 'sms', '+14155552671', '{}',
           ARRAY[n % 200], 30, 300, 14400, 0, true, 5, 900, :now, :now + make_interval(mins => n - 10), :now
    FROM generate_series(1, :rows / 50) AS n
"""

GROUP_ALERTS = """
    INSERT INTO group_alerts (
        group_id, alert_key, status, since, told, event_id, notification_id, title, changes)
    SELECT g.id, 'alert ' || n, 'firing', :now, CASE WHEN n = 1 THEN 'resolved' ELSE 'firing' END, gen_random_uuid(),
           gen_random_uuid(), 'disk is full', ARRAY[CAST(:now AS timestamptz)]
    FROM message_groups g, generate_series(1, 5) AS n
"""

HELD = """
    UPDATE notifications n SET group_id = held.group_id, next_attempt_at = n.queue_at
    FROM (
        SELECT w.id, g.id AS group_id
        FROM (SELECT id, row_number() OVER () AS place FROM notifications
              WHERE status = 'PENDING' AND queue_at > :now LIMIT 500) w
        JOIN (SELECT id, row_number() OVER () AS place FROM message_groups LIMIT 500) g USING (place)) held
    WHERE n.id = held.id
"""

STEPS = (
    GROUPS,
    GROUP_ALERTS,
    CLIENTS_SQL,
    NOTIFICATIONS,
    ATTEMPTS,
    TIMELINE,
    EVENTS,
    TICKETS,
    TICKET_EVENTS,
    ESCALATIONS,
    TICKET_MESSAGES,
    TICKET_ENTRIES,
    RECEIPTS,
    SUPPRESSIONS,
    SILENCES,
    ALERTS,
    FIRING_ALERTS,
    INHIBITIONS,
    INTEGRATIONS,
    CLAIMS,
    KEYS,
    TOTALS,
    RULES,
    HELD,
)


def fill(connection: Connection, rows: int) -> None:
    """Store `rows` notifications and what belongs to that many; in a database that is ours alone."""
    # Foreign keys are right by themselves; asking for each row would take as long as all the rest.
    connection.execute(text("SET session_replication_role = replica"))
    values = {"rows": rows, "clients": CLIENTS, "days": DAYS, "now": utc_now() - timedelta(seconds=1)}
    for step in STEPS:
        connection.execute(text(step), values)
    connection.execute(text("SET session_replication_role = DEFAULT"))
    connection.execute(text("ANALYZE"))
