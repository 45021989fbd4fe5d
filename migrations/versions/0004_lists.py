"""Indexes: lists by channel, reason and end; addresses by their hash."""

from __future__ import annotations

import sqlalchemy as sa

from migrations import online

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with online.beside_traffic():
        online.build_index("ix_notifications_client_id_id_channel", "notifications", ["client_id", "id", "channel"])
        online.build_index(
            "ix_notifications_client_id_recipient_hash",
            "notifications",
            ["client_id", sa.text("hashtext(recipient)"), "id"],
        )
        online.build_index(
            "ix_notifications_unsent",
            "notifications",
            ["client_id", "status", "id"],
            where="status IN ('CANCELLED', 'SUPPRESSED')",
        )
        online.build_index(
            "ix_notifications_reason", "notifications", ["client_id", "reason", "id"], where="reason IS NOT NULL"
        )
        online.build_index("ix_notifications_queue_at", "notifications", ["queue_at"], where="queue_at IS NOT NULL")
        # The new ones answer what these did.
        online.drop_index("ix_notifications_client_id_id", "notifications")
        online.drop_index("ix_notifications_client_id_recipient_id", "notifications")
        online.drop_index("ix_notifications_waiting", "notifications")


def downgrade() -> None:
    with online.beside_traffic():
        online.build_index("ix_notifications_client_id_id", "notifications", ["client_id", "id"])
        online.build_index("ix_notifications_client_id_recipient_id", "notifications", ["client_id", "recipient", "id"])
        online.build_index(
            "ix_notifications_waiting",
            "notifications",
            ["queue_at"],
            where="status IN ('AMBIGUOUS', 'PENDING', 'RETRYING')",
        )
        online.drop_index("ix_notifications_queue_at", "notifications")
        online.drop_index("ix_notifications_reason", "notifications")
        online.drop_index("ix_notifications_unsent", "notifications")
        online.drop_index("ix_notifications_client_id_recipient_hash", "notifications")
        online.drop_index("ix_notifications_client_id_id_channel", "notifications")
