"""Quiet hours of endpoints, and groups of what they and limits hold back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Nullable and without a default: a change of the catalogue alone.
        if not online.has_column("endpoints", "quiet_hours"):
            op.add_column("endpoints", sa.Column("quiet_hours", postgresql.JSONB(), nullable=True))
    _allow_kinds("'grouping', 'limit', 'quiet_hours'")


def downgrade() -> None:
    # What is held for a reason that is gone goes as it is.
    op.execute(
        "UPDATE notifications SET group_id = NULL WHERE status = 'PENDING' AND group_id IN "
        "(SELECT id FROM message_groups WHERE kind <> 'grouping')"
    )
    op.execute("DELETE FROM message_groups WHERE kind <> 'grouping'")
    _allow_kinds("'grouping'")
    op.drop_column("endpoints", "quiet_hours")


def _allow_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_message_groups_kind"), "message_groups")
    op.create_check_constraint(op.f("ck_message_groups_kind"), "message_groups", f"kind IN ({kinds})")
