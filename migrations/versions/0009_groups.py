"""Groups: messages that are held to be told together."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0009"
down_revision = "0008"

COLUMNS: dict[str, Any] = {
    "group_id": sa.Uuid(as_uuid=False),
    "alert_key": sa.Text(),
    "told_by": sa.Uuid(as_uuid=False),
    "released_at": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Nullable and without defaults: changes of the catalogue, whatever the size of the table.
        for name, kind in COLUMNS.items():
            if not online.has_column("notifications", name):
                op.add_column("notifications", sa.Column(name, kind, nullable=True))
        if not online.has_column("endpoints", "grouping"):
            op.add_column("endpoints", sa.Column("grouping", postgresql.JSONB(), nullable=True))
    with online.beside_traffic():
        online.build_index(
            "ix_notifications_held",
            "notifications",
            ["group_id", "id"],
            where="group_id IS NOT NULL AND status = 'PENDING'",
        )
        online.build_index("ix_notifications_told_by", "notifications", ["told_by", "id"], where="told_by IS NOT NULL")
    _create_groups()
    _create_alerts()


def _create_groups() -> None:
    op.create_table(
        "message_groups",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("grouped_by", postgresql.JSONB(), nullable=True),
        sa.Column("endpoint_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("template", sa.String(100), nullable=True),
        sa.Column("failover", postgresql.JSONB(), nullable=True),
        sa.Column("rule_ids", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=True),
        sa.Column("repeat_seconds", sa.Integer(), nullable=True),
        sa.Column("pause_seconds", sa.Integer(), nullable=False),
        sa.Column("says_resolved", sa.Boolean(), nullable=False),
        sa.Column("flap_changes", sa.SmallInteger(), nullable=False),
        sa.Column("flap_seconds", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_flush_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_notification_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ending", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_groups")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_message_groups_client_id_clients")),
        sa.UniqueConstraint("client_id", "fingerprint", name=op.f("uq_message_groups_client_id_fingerprint")),
        sa.CheckConstraint("kind IN ('grouping', 'limit', 'quiet_hours')", name=op.f("ck_message_groups_kind")),
    )
    op.create_index("ix_message_groups_client_id_id", "message_groups", ["client_id", "id"])
    op.create_index("ix_message_groups_next_flush_at", "message_groups", ["next_flush_at"])


def _create_alerts() -> None:
    op.create_table(
        "group_alerts",
        sa.Column("group_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("alert_key", sa.Text(), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.String(8), server_default=sa.text("'resolved'"), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("notification_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("severity", sa.String(20), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "alert_key", name=op.f("pk_group_alerts")),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["message_groups.id"],
            name=op.f("fk_group_alerts_group_id_message_groups"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("status IN ('firing', 'resolved')", name=op.f("ck_group_alerts_status")),
        sa.CheckConstraint("told IN ('firing', 'flapping', 'resolved')", name=op.f("ck_group_alerts_told")),
    )
    op.create_index(
        "ix_group_alerts_notification_id",
        "group_alerts",
        ["notification_id"],
        postgresql_where=sa.text("status <> told"),
    )


def downgrade() -> None:
    op.drop_table("group_alerts")
    op.drop_table("message_groups")
    op.drop_column("endpoints", "grouping")
    with online.beside_traffic():
        online.drop_index("ix_notifications_told_by", "notifications")
        online.drop_index("ix_notifications_held", "notifications")
    for name in reversed(COLUMNS):
        op.drop_column("notifications", name)
