"""Alerts and silences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    if not online.has_column("notifications", "silence_id"):
        make_silences()
        make_alerts()
        op.add_column("notifications", sa.Column("silence_id", sa.Uuid(as_uuid=False), nullable=True))


def make_silences() -> None:
    op.create_table(
        "silences",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("matchers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at <= ends_at", name=op.f("ck_silences_starts_before_it_ends")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_silences_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index("ix_silences_client_id_ends_at", "silences", ["client_id", "ends_at"])
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])


def make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("annotations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("generator_url", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_open_ended", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("status_before", sa.String(length=8), nullable=True),
        sa.Column("returns", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('firing', 'resolved')", name=op.f("ck_alerts_status")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_alerts_client_id_clients")),
        sa.PrimaryKeyConstraint("client_id", "fingerprint", name=op.f("pk_alerts")),
    )
    firing, resolved = sa.text("status = 'firing'"), sa.text("status = 'resolved'")
    op.create_index("ix_alerts_client_id_fingerprint", "alerts", ["client_id", "fingerprint"], postgresql_where=firing)
    op.create_index("ix_alerts_ends_at", "alerts", ["ends_at"], postgresql_where=firing)
    op.create_index("ix_alerts_updated_at", "alerts", ["updated_at"], postgresql_where=resolved)


def downgrade() -> None:
    op.drop_column("notifications", "silence_id")
    op.drop_table("alerts")
    op.drop_table("silences")
