"""Quiet hours of endpoints."""

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


def downgrade() -> None:
    op.drop_column("endpoints", "quiet_hours")
