"""Bulk replays of dead letters, and their letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0015"
down_revision = "0014"

ID = sa.Uuid(as_uuid=False)
MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    with op.get_context().autocommit_block():
        if not online.has_column("notifications", "replay_id"):
            op.add_column("notifications", sa.Column("replay_id", sa.Integer(), nullable=True))
    with online.beside_traffic():
        online.build_index(
            "ix_notifications_replay_id", "notifications", ["replay_id", "status"], where="replay_id IS NOT NULL"
        )
        online.build_index(
            "ix_notifications_letters", "notifications", ["id"], where="status IN ('FAILED', 'UNDELIVERED')"
        )
    make_letter_replays()


def make_letter_replays() -> None:
    none = sa.text("0")
    op.create_table(
        "letter_replays",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=True),
        sa.Column("narrowed_to", JSONB, nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), server_default=none, nullable=False),
        sa.Column("replayed", sa.Integer(), server_default=none, nullable=False),
        sa.Column("before", ID, nullable=True),
        sa.Column("status", sa.String(8), server_default=sa.text("'running'"), nullable=False),
        sa.Column("requested_by", sa.String(100), nullable=False),
        sa.Column("stopped_by", sa.String(100), nullable=True),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("paced_from", MOMENT, nullable=False),
        sa.Column("next_look_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.Column("outcomes", JSONB, nullable=True),
        sa.CheckConstraint("status IN ('finished', 'running', 'stopped')", name=op.f("ck_letter_replays_status")),
        sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name=op.f("ck_letter_replays_ended_has_time")),
        sa.CheckConstraint(
            "(next_look_at IS NULL) = (settled_at IS NOT NULL)", name=op.f("ck_letter_replays_unsettled_has_time")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_letter_replays_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_replays")),
    )
    looked_at, settled = sa.text("next_look_at IS NOT NULL"), sa.text("settled_at IS NOT NULL")
    op.create_index("ix_letter_replays_next_look_at", "letter_replays", ["next_look_at"], postgresql_where=looked_at)
    op.create_index("ix_letter_replays_client_id_id", "letter_replays", ["client_id", "id"])
    op.create_index("ix_letter_replays_settled_at", "letter_replays", ["settled_at"], postgresql_where=settled)


def downgrade() -> None:
    with online.beside_traffic():
        online.drop_index("ix_notifications_letters", "notifications")
        online.drop_index("ix_notifications_replay_id", "notifications")
    op.drop_column("notifications", "replay_id")
    op.drop_table("letter_replays")
