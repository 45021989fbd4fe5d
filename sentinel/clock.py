"""The one clock. Everything that compares or stores a time asks here, so tests can move it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def written(moment: datetime) -> str:
    """Write a time as Alertmanager and Prometheus do: UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
