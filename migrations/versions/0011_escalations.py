"""Escalations: policies, rotations, how far each ticket is, and the history of tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0011"
down_revision = "0010"

SEVERITIES = ("critical", "high", "medium", "low")
STATE_HAS_TIME = (
    "CASE state WHEN 'running' THEN next_step_at IS NOT NULL WHEN 'snoozed' THEN next_step_at IS NOT NULL "
    "WHEN 'acknowledged' THEN true WHEN 'exhausted' THEN next_step_at IS NULL "
    "WHEN 'ended' THEN next_step_at IS NULL ELSE false END"
)

# What people did to tickets before there was a history stands in the tickets themselves.
HISTORY = sa.text("""
    INSERT INTO ticket_entries (ticket_id, at, kind, detail)
    SELECT t.id, done.at, done.kind, jsonb_build_object('by', done.by)
    FROM tickets t CROSS JOIN LATERAL (VALUES
        (1, t.acknowledged_at, 'acknowledged', t.acknowledged_by),
        (2, t.resolved_at, 'resolved', t.resolved_by)) AS done (place, at, kind, by)
    WHERE t.id BETWEEN :first AND :last AND done.at IS NOT NULL
      AND NOT EXISTS (SELECT FROM ticket_entries e WHERE e.ticket_id = t.id AND e.kind = done.kind)
    ORDER BY t.id, done.place
""")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        if not online.has_column("notifications", "ticket_message_id"):
            op.add_column("notifications", sa.Column("ticket_message_id", sa.BigInteger(), nullable=True))
    if not online.has_table("ticket_entries"):
        _policies()
        _rotations()
        _escalations()
        _messages()
        _entries()
    with online.beside_traffic():
        for first, last in online.slices("tickets"):
            op.get_bind().execute(HISTORY, {"first": first, "last": last})


def _policies() -> None:
    op.create_table(
        "escalation_policies",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("steps", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("repeat", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("repeat_wait_seconds", sa.Integer(), server_default=sa.text("300"), nullable=False),
        sa.Column("acknowledge_timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("default_for", postgresql.ARRAY(sa.String(10)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tells_end", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_policies")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_escalation_policies_client_id_clients")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_escalation_policies_client_id_name")),
        sa.CheckConstraint("repeat >= 0", name=op.f("ck_escalation_policies_repeat_is_a_number_of_times")),
    )
    for severity in SEVERITIES:
        op.create_index(
            f"uq_escalation_policies_default_{severity}",
            "escalation_policies",
            ["client_id"],
            unique=True,
            postgresql_where=sa.text(f"'{severity}' = ANY(default_for)"),
        )


def _rotations() -> None:
    op.create_table(
        "rotations",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("members", postgresql.ARRAY(sa.String(100)), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("handover", sa.SmallInteger(), nullable=False),
        sa.Column("shift_days", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotations")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_rotations_client_id_clients")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_rotations_client_id_name")),
        sa.CheckConstraint("cardinality(members) > 0", name=op.f("ck_rotations_has_members")),
        sa.CheckConstraint("shift_days > 0", name=op.f("ck_rotations_shift_is_a_day_at_least")),
    )
    op.create_table(
        "rotation_overrides",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("rotation_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(100), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotation_overrides")),
        sa.ForeignKeyConstraint(
            ["rotation_id"],
            ["rotations.id"],
            name=op.f("fk_rotation_overrides_rotation_id_rotations"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_rotation_overrides_starts_before_it_ends")),
    )
    op.create_index("ix_rotation_overrides_rotation_id_ends_at", "rotation_overrides", ["rotation_id", "ends_at"])
    op.create_index("ix_rotation_overrides_ends_at", "rotation_overrides", ["ends_at"])


def _escalations() -> None:
    op.create_table(
        "escalations",
        sa.Column("ticket_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("steps", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("repeat", sa.SmallInteger(), nullable=False),
        sa.Column("repeat_wait_seconds", sa.Integer(), nullable=False),
        sa.Column("acknowledge_timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("tells_end", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_escalations")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_escalations_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_escalations_client_id_clients")),
        sa.CheckConstraint(STATE_HAS_TIME, name=op.f("ck_escalations_state_has_time")),
    )
    op.create_index(
        "ix_escalations_next_step_at",
        "escalations",
        ["next_step_at"],
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.create_index("ix_escalations_unended", "escalations", ["state"], postgresql_where=sa.text("state <> 'ended'"))


def _messages() -> None:
    op.create_table(
        "ticket_messages",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("notification_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=True),
        sa.Column("step", sa.SmallInteger(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_for", sa.String(20), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_messages")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_messages_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "ticket_id",
            "token",
            "channel",
            "recipient",
            name=op.f("uq_ticket_messages_ticket_id_token_channel_recipient"),
        ),
        sa.CheckConstraint("(used_at IS NULL) = (used_for IS NULL)", name=op.f("ck_ticket_messages_use_has_time")),
    )


def _entries() -> None:
    op.create_table(
        "ticket_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_entries")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_entries_ticket_id_tickets"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_ticket_entries_ticket_id", "ticket_entries", ["ticket_id"])


def downgrade() -> None:
    for table in (
        "ticket_entries",
        "ticket_messages",
        "escalations",
        "rotation_overrides",
        "rotations",
        "escalation_policies",
    ):
        op.drop_table(table)
    op.drop_column("notifications", "ticket_message_id")
