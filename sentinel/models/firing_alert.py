"""Alerts as events speak of them, whoever sent them: which fire, and which have just been resolved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class FiringAlert(Base):
    """What was last said of an alert. It stays for a while after its end, so that a late event cannot turn it back."""

    __tablename__ = "firing_alerts"
    __table_args__ = (
        Index("ix_firing_alerts_client_id", "client_id", postgresql_where=text("is_firing")),
        Index("ix_firing_alerts_broadcast", "client_id", postgresql_where=text("is_firing AND is_broadcast")),
        Index("ix_firing_alerts_forget_at", "forget_at"),
    )

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"), primary_key=True, autoincrement=False)
    # Which alert it is, of all events that speak of it (`sentinel.rules.alerts`).
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    # The event that said it.
    event_id: Mapped[str] = mapped_column(ID)
    is_firing: Mapped[bool]
    is_broadcast: Mapped[bool] = mapped_column(server_default=false())
    severity: Mapped[str | None]
    # All that matchers ask of its event, as texts.
    labels: Mapped[dict[str, Any]]
    # Since when it fires, or is resolved.
    since: Mapped[datetime]
    # When the event happened that said it; what happened before says nothing new.
    changed_at: Mapped[datetime]
    # Without another word it is forgotten then.
    forget_at: Mapped[datetime]
