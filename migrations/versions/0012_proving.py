"""Heartbeats, drills, self-tests, and failover chains of clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

ID = sa.Uuid(as_uuid=False)
MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    make_heartbeats()
    make_drills()
    make_drill_runs()
    make_self_tests()
    make_failover_chains()


def make_heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("every_seconds", sa.Integer(), nullable=True),
        sa.Column("schedule", JSONB, nullable=True),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(20), nullable=True),
        sa.Column("labels", JSONB, nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("status", sa.String(4), server_default=sa.text("'new'"), nullable=False),
        sa.Column("reason", sa.String(10), nullable=True),
        sa.Column("downs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=True),
        sa.Column("last_seen_at", MOMENT, nullable=True),
        sa.Column("last_message", sa.Text(), nullable=True),
        sa.Column("last_exit_code", sa.Integer(), nullable=True),
        sa.Column("expected_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("status IN ('new', 'up', 'down')", name=op.f("ck_heartbeats_status")),
        sa.CheckConstraint("every_seconds IS NOT NULL OR schedule IS NOT NULL", name=op.f("ck_heartbeats_has_rhythm")),
        sa.CheckConstraint(
            "due_at IS NULL OR (status <> 'down' AND NOT is_paused)", name=op.f("ck_heartbeats_due_while_expected")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_heartbeats_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_heartbeats_client_id_name")),
    )
    op.create_index("ix_heartbeats_due_at", "heartbeats", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))


def make_drills() -> None:
    op.create_table(
        "drills",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("schedule", JSONB, nullable=True),
        sa.Column("targets", postgresql.ARRAY(sa.String(100)), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("within_seconds", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(20), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("is_failing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("next_at IS NULL OR is_enabled", name=op.f("ck_drills_due_while_enabled")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_drills_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_drills_client_id_name")),
    )
    op.create_index("ix_drills_next_at", "drills", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))


def make_drill_runs() -> None:
    op.create_table(
        "drill_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("drill_id", ID, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(7), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("results", JSONB, nullable=False),
        sa.CheckConstraint("status IN ('running', 'passed', 'failed')", name=op.f("ck_drill_runs_status")),
        sa.CheckConstraint(
            "(status = 'running') = (finished_at IS NULL)", name=op.f("ck_drill_runs_finished_has_time")
        ),
        sa.ForeignKeyConstraint(
            ["drill_id"], ["drills.id"], name=op.f("fk_drill_runs_drill_id_drills"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_drill_runs_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_runs")),
    )
    running, finished = sa.text("status = 'running'"), sa.text("finished_at IS NOT NULL")
    op.create_index("ix_drill_runs_drill_id_id", "drill_runs", ["drill_id", "id"])
    op.create_index("ix_drill_runs_due_at", "drill_runs", ["due_at"], postgresql_where=running)
    op.create_index("uq_drill_runs_running", "drill_runs", ["drill_id"], unique=True, postgresql_where=running)
    op.create_index("ix_drill_runs_finished_at", "drill_runs", ["finished_at"], postgresql_where=finished)


def make_self_tests() -> None:
    op.create_table(
        "self_tests",
        sa.Column("id", ID, nullable=False),
        sa.Column("status", sa.String(7), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("started_by", sa.String(10), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("stages", JSONB, nullable=False),
        sa.CheckConstraint("status IN ('running', 'passed', 'failed')", name=op.f("ck_self_tests_status")),
        sa.CheckConstraint(
            "(status = 'running') = (finished_at IS NULL)", name=op.f("ck_self_tests_finished_has_time")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_tests")),
    )
    running = sa.text("status = 'running'")
    op.create_index("uq_self_tests_running", "self_tests", [sa.text("(true)")], unique=True, postgresql_where=running)
    op.create_index("ix_self_tests_started_at", "self_tests", ["started_at"])


def make_failover_chains() -> None:
    op.create_table(
        "failover_chains",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("targets", JSONB, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_failover_chains_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "channel", name=op.f("pk_failover_chains")),
    )


def downgrade() -> None:
    for table in ("failover_chains", "self_tests", "drill_runs", "drills", "heartbeats"):
        op.drop_table(table)
