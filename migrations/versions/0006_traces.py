"""Traces: the one that a notification or an event belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import online

revision = "0006"
down_revision = "0005"

TABLES = ("notifications", "events")


def upgrade() -> None:
    # Nullable and without a default: a change of the catalogue, whatever the size of the table. Each by itself: a
    # transaction that holds one table and wants the other would wait for one that does it the other way round.
    with op.get_context().autocommit_block():
        for table in TABLES:
            if not online.has_column(table, "traceparent"):
                op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "traceparent")
