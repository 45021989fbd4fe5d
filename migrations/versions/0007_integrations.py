"""Integrations: addresses to which other systems send."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "integrations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("topic_arn", sa.Text(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_integrations_client_id_clients")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_integrations_client_id_name")),
    )


def downgrade() -> None:
    op.drop_table("integrations")
