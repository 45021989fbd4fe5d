"""How many requests of a load test nobody took: kept, so that the next process knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import online

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    if not online.has_column("load_tests", "given_up"):
        given_up = sa.Column("given_up", sa.Integer(), server_default=sa.text("0"), nullable=False)
        op.add_column("load_tests", given_up)


def downgrade() -> None:
    op.drop_column("load_tests", "given_up")
