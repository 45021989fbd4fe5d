"""Silences with windows, ends of their own and reminders; alerts that fire; inhibitions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0008"
down_revision = "0007"

SILENCE_COLUMNS = (
    "windows",
    "ends_when_resolved",
    "ends_after_quiet_seconds",
    "remind_before_seconds",
    "remind",
    "reminded_at",
    "matched",
    "last_matched_at",
    "alert_matched_at",
    "next_look_at",
    "ended_reason",
)


def upgrade() -> None:
    # Each table by itself: a transaction that holds one and wants the other would wait for one that does it the other
    # way round. Columns are nullable or have a constant default: a change of the catalogue, whatever the size.
    with op.get_context().autocommit_block():
        if not online.has_column("notifications", "inhibited_by"):
            op.add_column("notifications", sa.Column("inhibited_by", _jsonb(none_as_null=True), nullable=True))
    if not online.has_column("silences", "windows"):
        extend_silences()
        make_firing_alerts()
        make_inhibitions()
    with online.beside_traffic():
        online.build_index("ix_silences_next_look_at", "silences", ["next_look_at"], where="next_look_at IS NOT NULL")


def extend_silences() -> None:
    op.add_column("silences", sa.Column("windows", _jsonb(none_as_null=True), nullable=True))
    op.add_column("silences", sa.Column("ends_when_resolved", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("silences", sa.Column("ends_after_quiet_seconds", sa.Integer(), nullable=True))
    op.add_column("silences", sa.Column("remind_before_seconds", sa.Integer(), nullable=True))
    op.add_column("silences", sa.Column("remind", sa.String(100), nullable=True))
    op.add_column("silences", sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("reminded_at", "last_matched_at", "alert_matched_at", "next_look_at"):
        op.add_column("silences", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("silences", sa.Column("ended_reason", sa.String(10), nullable=True))


def make_firing_alerts() -> None:
    op.create_table(
        "firing_alerts",
        sa.Column("client_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_firing", sa.Boolean(), nullable=False),
        sa.Column("is_broadcast", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("labels", _jsonb(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_firing_alerts_client_id_clients")),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_firing_alerts")),
    )
    firing, broadcast = sa.text("is_firing"), sa.text("is_firing AND is_broadcast")
    op.create_index("ix_firing_alerts_client_id", "firing_alerts", ["client_id"], postgresql_where=firing)
    op.create_index("ix_firing_alerts_broadcast", "firing_alerts", ["client_id"], postgresql_where=broadcast)
    op.create_index("ix_firing_alerts_forget_at", "firing_alerts", ["forget_at"])


def make_inhibitions() -> None:
    op.create_table(
        "inhibitions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("source", _jsonb(), nullable=False),
        sa.Column("target", _jsonb(), nullable=False),
        sa.Column("equal", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_inhibitions_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inhibitions")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_inhibitions_client_id_name")),
    )


def _jsonb(**options: bool) -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text(), **options)


def downgrade() -> None:
    op.drop_table("inhibitions")
    op.drop_table("firing_alerts")
    op.drop_index("ix_silences_next_look_at", "silences")
    for name in reversed(SILENCE_COLUMNS):
        op.drop_column("silences", name)
    op.drop_column("notifications", "inhibited_by")
