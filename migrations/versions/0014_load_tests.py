"""Load tests; an index for what the sandbox and the inbox have kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0014"
down_revision = "0013"

ID = sa.Uuid(as_uuid=False)
MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())
ZERO = sa.text("0")


def upgrade() -> None:
    if not online.has_table("load_tests"):
        make_load_tests()
    with online.beside_traffic():
        online.build_index(
            "ix_notifications_kept",
            "notifications",
            ["id", "channel", "client_id"],
            where="provider IN ('inbox', 'sandbox')",
        )


def make_load_tests() -> None:
    op.create_table(
        "load_tests",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(100), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("is_stop_wanted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_id", ID, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("starts", sa.SmallInteger(), server_default=ZERO, nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("ahead", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'::integer[]"), nullable=False),
        sa.Column("accepted", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("refused", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("failed", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("waits", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("seconds", sa.Float(), server_default=ZERO, nullable=False),
        sa.Column("p50_ms", sa.Float(), nullable=True),
        sa.Column("p99_ms", sa.Float(), nullable=True),
        sa.Column("curve", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("began_at", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'finished', 'stopped', 'failed')", name=op.f("ck_load_tests_status")
        ),
        sa.CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_load_tests_running_has_lease")
        ),
        sa.CheckConstraint(
            "(status IN ('waiting', 'running')) = (finished_at IS NULL)", name=op.f("ck_load_tests_finished_has_time")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_load_tests_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_tests")),
        sa.UniqueConstraint("label", name=op.f("uq_load_tests_label")),
    )
    is_open, has_ended = sa.text("finished_at IS NULL"), sa.text("finished_at IS NOT NULL")
    op.create_index("ix_load_tests_client_id_id", "load_tests", ["client_id", "id"])
    op.create_index("ix_load_tests_open", "load_tests", ["id"], postgresql_where=is_open)
    op.create_index("ix_load_tests_finished_at", "load_tests", ["finished_at"], postgresql_where=has_ended)


def downgrade() -> None:
    with online.beside_traffic():
        online.drop_index("ix_notifications_kept", "notifications")
    op.drop_table("load_tests")
