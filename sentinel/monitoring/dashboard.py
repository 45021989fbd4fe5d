"""The Grafana dashboard: a table of panels, in the order in which an operator asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Chosen on the dashboard itself, so that it fits any Grafana."""

WIDTH, HEIGHT, COLUMNS = 8, 8, 3
"""Grafana's grid is 24 places wide."""

PER_SECOND = "ops"


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel asks, and how its lines are named."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    says: str = ""


def _rate(metric: str, *by: str) -> Query:
    grouped = ", ".join(by)
    legend = " ".join(f"{{{{{each}}}}}" for each in by) or metric.removesuffix("_total")
    return Query(f"sum by ({grouped}) (rate({metric}[5m]))", legend)


def _quantile(share: float, metric: str, by: str) -> Query:
    expr = f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket[5m])))"
    return Query(expr, f"{{{{{by}}}}} {share:.0%}")


PANELS = (
    # Is all well?
    Panel("Parts", "bool_on_off", (Query("part_up", "{{part}}"),)),
    Panel(
        "Handed to the provider within 10 s",
        "percentunit",
        (Query("channel:delivery_in_time:ratio_rate5m", "{{channel}}"),),
        "Of the messages that a provider took; the next picture has what still waits. From `sentinel metrics rules`.",
    ),
    Panel("Oldest message that may go", "s", (Query("notifications_oldest_due_seconds", "{{channel}}"),)),
    # What comes, and what becomes of it
    Panel("Accepted", PER_SECOND, (_rate("notifications_accepted_total", "channel"),)),
    Panel(
        "Sent",
        PER_SECOND,
        (
            _rate("notifications_sent_total", "channel", "provider"),
            Query("sum by (channel) (rate(notifications_delivered_total[5m]))", "{{channel}} reported as delivered"),
        ),
    ),
    Panel(
        "Ended otherwise",
        PER_SECOND,
        (
            _rate("notifications_failed_total", "channel", "reason"),
            _rate("notifications_undelivered_total", "channel", "reason"),
            _rate("notifications_suppressed_total", "reason"),
            _rate("notifications_cancelled_total"),
        ),
    ),
    Panel("In flight", "short", (Query("notifications_in_flight > 0", "{{channel}} {{status}}"),)),
    Panel(
        "From acceptance to SENT",
        "s",
        (_quantile(0.5, "delivery_seconds", "channel"), _quantile(0.99, "delivery_seconds", "channel")),
    ),
    Panel("Messages in the broker", "short", (Query("queue_length", "{{queue}}"),), "Each carries up to 500 ids."),
    # Events
    Panel(
        "Events",
        PER_SECOND,
        (
            _rate("events_ingested_total"),
            _rate("events_matched_total"),
            _rate("events_unmatched_total"),
            _rate("events_failed_total"),
            _rate("rules_triggered_total"),
        ),
    ),
    Panel(
        "Events that wait",
        "short",
        (Query("events_pending", "number"), Query("events_oldest_pending_seconds", "seconds of the oldest")),
    ),
    Panel("Entries of streams", PER_SECOND, (_rate("ingest_entries_total", "stream", "result"),)),
    Panel("Entries that wait in streams", "short", (Query("ingest_lag_entries", "{{stream}} {{group}}"),)),
    Panel(
        "Tickets",
        "short",
        (
            Query("tickets_unresolved", "{{severity}} {{status}}"),
            Query("sum by (severity) (increase(tickets_opened_total[1h]))", "{{severity}} opened in an hour"),
        ),
    ),
    Panel(
        "Groups",
        "short",
        (
            Query("groups_open", "{{kind}}"),
            Query("sum by (channel) (notifications_held)", "held for {{channel}}"),
            Query("sum by (kind, result) (increase(group_flushes_total[1h]))", "{{kind}} told {{result}} in an hour"),
        ),
    ),
    Panel("How late groups are told", "s", (_quantile(0.95, "group_delay_seconds", "kind"),)),
    Panel(
        "Escalations",
        "short",
        (
            Query("escalations", "{{state}}"),
            Query("increase(escalation_steps_total[1h])", "steps told in an hour"),
            Query("increase(escalations_reopened_total[1h])", "reopened in an hour"),
            Query("increase(escalations_exhausted_total[1h])", "exhausted in an hour"),
        ),
    ),
    # Providers
    Panel("Tries by outcome", PER_SECOND, (_rate("attempts_total", "provider", "outcome"),)),
    Panel("Duration of a try", "s", (_quantile(0.95, "attempt_seconds", "provider"),)),
    Panel(
        "Accounts left alone",
        "short",
        (Query("breaker_open", "{{provider}}"), Query("increase(breaker_openings_total[1h])", "{{provider}} opened")),
        "1 is open; 0.5 while one message tries the account.",
    ),
    Panel(
        "Sends in doubt",
        PER_SECOND,
        (
            Query("sum by (provider) (rate(ambiguous_total[5m]))", "{{provider}} in doubt"),
            Query("sum by (provider) (rate(reconciled_found_total[5m]))", "{{provider}} found"),
            Query("sum by (provider) (rate(reconciled_missing_total[5m]))", "{{provider}} not there"),
        ),
    ),
    Panel(
        "Reports of providers",
        PER_SECOND,
        (
            _rate("receipts_total", "provider", "kind"),
            Query("sum by (provider) (rate(receipts_refused_total[5m]))", "{{provider}} refused"),
            Query("sum by (provider) (rate(receipts_unmatched_total[5m]))", "{{provider}} fit nothing"),
            Query("sum by (kind) (rate(integrations_refused_total[5m]))", "{{kind}} refused"),
        ),
    ),
    Panel(
        "Other ways",
        PER_SECOND,
        (
            Query("sum by (channel) (rate(failovers_total[5m]))", "{{channel}} took over"),
            Query("sum by (reason) (rate(suppressions_total[5m]))", "address suppressed: {{reason}}"),
        ),
    ),
    Panel(
        "Proofs",
        PER_SECOND,
        (
            _rate("heartbeats_total", "result"),
            _rate("drills_total", "result"),
            _rate("self_tests_total", "result"),
            Query("heartbeats_down", "heartbeats down"),
        ),
    ),
    # Our own processes
    Panel("Work of the workers", "short", (_rate("worker_task_seconds_sum", "worker"),), "Seconds of work a second."),
    Panel("Errors of tasks", PER_SECOND, (_rate("worker_task_errors_total", "worker", "task"),)),
    Panel("Since the last run", "s", (Query("sweeper_last_success_age_seconds", "{{sweeper}}"),)),
    Panel(
        "Books",
        "short",
        (Query("audit_discrepancies", "discrepancies"), Query("audit_age_seconds / 60", "minutes since the audit")),
    ),
    Panel(
        "Limits",
        PER_SECOND,
        (
            _rate("api_throttled_total"),
            _rate("api_unthrottled_total"),
            _rate("limiter_down_total"),
        ),
    ),
    Panel("Logins to the console", PER_SECOND, (_rate("logins_total", "result"),)),
)


def dashboard() -> dict[str, Any]:
    """Everything as Grafana imports it."""
    return {
        "uid": "sentinel",
        "title": "Sentinel",
        "tags": ["sentinel"],
        "schemaVersion": 36,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_placed()),
    }


def _placed() -> Iterator[dict[str, Any]]:
    for number, panel in enumerate(PANELS):
        row, column = divmod(number, COLUMNS)
        yield {
            "id": number + 1,
            "type": "timeseries",
            "title": panel.title,
            "description": panel.says,
            "datasource": SOURCE,
            "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
                for place, query in enumerate(panel.queries)
            ],
        }
