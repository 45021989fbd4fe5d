"""Rules, their history, and the log by which workers learn of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, String, UniqueConstraint, false, func, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Rule(Base):
    """A rule of a client: its text, and the same as data (`sentinel.rules.serialise`), which workers load unparsed."""

    __tablename__ = "rules"
    __table_args__ = (UniqueConstraint("client_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str]
    syntax: Mapped[list[Any]] = mapped_column(JSONB)
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    # No field narrows it down: it is asked on every event, so a client may have only a few such rules.
    is_scanned: Mapped[bool] = mapped_column(server_default=false())
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RuleVersion(Base):
    """What a rule was from one change to the next; it outlives the rule."""

    __tablename__ = "rule_versions"

    rule_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    # created, changed, enabled, disabled or deleted
    change: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str]
    is_enabled: Mapped[bool]
    # Who did it: the prefix of the API key, `open mode`, or the operator's command.
    changed_by: Mapped[str] = mapped_column(String(100))
    changed_at: Mapped[datetime]


class RuleChange(Base):
    """Which rules changed, in the order of their commits; written by a trigger on `rules`, read by every worker.

    The trigger holds a lock until its transaction ends, so a number that can be seen has no smaller one to come.
    """

    __tablename__ = "rule_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    rule_id: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
