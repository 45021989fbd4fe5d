"""Breakers, books, receipts, suppressions, failover, policies and users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0003"
down_revision = "0002"

UNTOLD = (
    "is_followed AND told_status IS DISTINCT FROM status "
    "AND status IN ('CANCELLED', 'DELIVERED', 'FAILED', 'SENT', 'SUPPRESSED', 'UNDELIVERED')"
)

# The books open with what is there; run twice, or beside processes that enter already, it adds what is missing.
OPEN_BOOKS = """
    WITH there AS (
        SELECT CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, client_id, channel, count(*) AS number
        FROM notifications GROUP BY 1, 2, 3),
    booked AS (
        SELECT day, client_id, channel, sum(accepted - pruned) AS number
        FROM (SELECT day, client_id, channel, accepted, pruned FROM book_entries
              UNION ALL SELECT day, client_id, channel, accepted, pruned FROM book_totals) AS entered
        GROUP BY day, client_id, channel)
    INSERT INTO book_totals AS t (day, client_id, channel, accepted, pruned)
    SELECT day, client_id, channel, there.number - coalesce(booked.number, 0), 0
    FROM there LEFT JOIN booked USING (day, client_id, channel)
    WHERE there.number <> coalesce(booked.number, 0)
    ON CONFLICT (day, client_id, channel) DO UPDATE SET accepted = t.accepted + EXCLUDED.accepted
"""


def upgrade() -> None:
    if not online.has_column("notifications", "told_status"):
        make_tables()
        add_columns()
    with online.beside_traffic():
        build_indexes()
        online.validate("ck_endpoints_purpose", "endpoints")
        online.validate("ck_provider_accounts_state", "provider_accounts")
        op.execute(OPEN_BOOKS)


def make_tables() -> None:
    op.create_table(
        "audit_runs",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("discrepancies", sa.Integer(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_runs")),
    )
    op.create_table(
        "book_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pruned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_entries")),
    )
    op.create_table(
        "book_totals",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "client_id", "channel", name=op.f("pk_book_totals")),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_event_id", sa.Text(), nullable=False),
        sa.Column("notification_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("queue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'PENDING') = (queue_at IS NOT NULL)", name=op.f("ck_receipts_waiting_has_time")),
        sa.CheckConstraint("status IN ('APPLIED', 'IGNORED', 'PENDING', 'UNMATCHED')", name=op.f("ck_receipts_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    op.create_index(
        "ix_receipts_notification_id",
        "receipts",
        ["notification_id"],
        unique=False,
        postgresql_where=sa.text("notification_id IS NOT NULL"),
    )
    op.create_index(
        "ix_receipts_waiting", "receipts", ["queue_at"], unique=False, postgresql_where=sa.text("status = 'PENDING'")
    )
    op.create_index(
        "uq_receipts_provider_provider_event_id", "receipts", ["provider", "provider_event_id"], unique=True
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("session_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('admin', 'viewer')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "delivery_policies",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("ambiguous_policy", sa.String(length=20), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "ambiguous_policy IN ('at_least_once', 'at_most_once')", name=op.f("ck_delivery_policies_ambiguous_policy")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_delivery_policies_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "channel", name=op.f("pk_delivery_policies")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("notification_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('bounced', 'complaint', 'invalid', 'manual', 'opted_out')", name=op.f("ck_suppressions_reason")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_suppressions_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
    )
    op.create_index("ix_suppressions_client_id_id", "suppressions", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_suppressions_lifted_at",
        "suppressions",
        ["lifted_at"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NOT NULL"),
    )
    op.create_index(
        "uq_suppressions_client_id_channel_recipient",
        "suppressions",
        ["client_id", "channel", "recipient"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def add_columns() -> None:
    op.add_column(
        "endpoints", sa.Column("purpose", sa.String(length=10), server_default=sa.text("'messages'"), nullable=False)
    )
    op.add_column("endpoints", sa.Column("disabled_reason", sa.String(length=50), nullable=True))
    op.add_column(
        "endpoints", sa.Column("failover", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "notifications",
        sa.Column("failover", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    )
    op.add_column("notifications", sa.Column("failover_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notifications", sa.Column("failover_of", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("notifications", sa.Column("lookups", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "notifications", sa.Column("is_followed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("notifications", sa.Column("told_status", sa.String(length=12), nullable=True))
    op.add_column(
        "provider_accounts", sa.Column("state", sa.String(length=10), server_default=sa.text("'open'"), nullable=False)
    )
    op.add_column("provider_accounts", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("provider_accounts", sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "provider_accounts", sa.Column("openings", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("provider_accounts", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("provider_accounts", sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("provider_accounts", sa.Column("window_started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "provider_accounts", sa.Column("is_held", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    online.add_check("ck_endpoints_purpose", "endpoints", "purpose IN ('messages', 'statuses')")
    online.add_check("ck_provider_accounts_state", "provider_accounts", "state IN ('closed', 'half_open', 'open')")
    op.alter_column(
        "provider_accounts", "paused_until", existing_type=postgresql.TIMESTAMP(timezone=True), nullable=True
    )
    op.alter_column("provider_accounts", "reason", existing_type=sa.TEXT(), nullable=True)


def build_indexes() -> None:
    online.build_index(
        "ix_attempts_provider_message_id", "attempts", ["provider_message_id"], where="provider = 'twilio'"
    )
    online.build_index("ix_endpoints_statuses", "endpoints", ["client_id"], where="purpose = 'statuses'")
    online.build_index("ix_notifications_client_id_recipient_id", "notifications", ["client_id", "recipient", "id"])
    online.build_index(
        "ix_notifications_client_id_user_id_id",
        "notifications",
        ["client_id", "user_id", "id"],
        where="user_id IS NOT NULL",
    )
    online.build_index(
        "ix_notifications_failover_due",
        "notifications",
        ["failover_at"],
        where="failover IS NOT NULL AND status IN ('PENDING', 'RETRYING')",
    )
    online.build_index(
        "ix_notifications_failover_ended",
        "notifications",
        ["id"],
        where="failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')",
    )
    online.build_index(
        "ix_notifications_parked",
        "notifications",
        ["channel", "id"],
        where="reason = 'account_paused' AND status IN ('PENDING', 'RETRYING')",
    )
    online.build_index("ix_tickets_resolved_at", "tickets", ["resolved_at"], where="resolved_at IS NOT NULL")
    online.build_index("ix_notifications_untold", "notifications", ["id"], where=UNTOLD)
    online.build_index(
        "uq_notifications_failover_of",
        "notifications",
        ["failover_of"],
        is_unique=True,
        where="failover_of IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index(
        "ix_notifications_client_id_user_id_id",
        table_name="notifications",
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.drop_index("ix_notifications_client_id_recipient_id", table_name="notifications")
    op.drop_index("ix_endpoints_statuses", table_name="endpoints", postgresql_where=sa.text("purpose = 'statuses'"))
    op.drop_index("ix_tickets_resolved_at", table_name="tickets", postgresql_where=sa.text("resolved_at IS NOT NULL"))
    op.drop_constraint(op.f("ck_provider_accounts_state"), "provider_accounts")
    op.drop_constraint(op.f("ck_endpoints_purpose"), "endpoints")
    op.execute("DELETE FROM provider_accounts WHERE paused_until IS NULL OR reason IS NULL")
    op.alter_column("provider_accounts", "reason", existing_type=sa.TEXT(), nullable=False)
    op.alter_column(
        "provider_accounts", "paused_until", existing_type=postgresql.TIMESTAMP(timezone=True), nullable=False
    )
    op.drop_column("provider_accounts", "is_held")
    op.drop_column("provider_accounts", "window_started_at")
    op.drop_column("provider_accounts", "failures")
    op.drop_column("provider_accounts", "tries")
    op.drop_column("provider_accounts", "openings")
    op.drop_column("provider_accounts", "probe_until")
    op.drop_column("provider_accounts", "opened_at")
    op.drop_column("provider_accounts", "state")
    op.drop_index(
        "ix_attempts_provider_message_id", table_name="attempts", postgresql_where=sa.text("provider = 'twilio'")
    )
    op.drop_index(
        "uq_notifications_failover_of", table_name="notifications", postgresql_where=sa.text("failover_of IS NOT NULL")
    )
    op.drop_index(
        "ix_notifications_untold",
        table_name="notifications",
        postgresql_where=sa.text(UNTOLD),
    )
    op.drop_index(
        "ix_notifications_failover_ended",
        table_name="notifications",
        postgresql_where=sa.text("failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')"),
    )
    op.drop_index(
        "ix_notifications_parked",
        table_name="notifications",
        postgresql_where=sa.text("reason = 'account_paused' AND status IN ('PENDING', 'RETRYING')"),
    )
    op.drop_index(
        "ix_notifications_failover_due",
        table_name="notifications",
        postgresql_where=sa.text("failover IS NOT NULL AND status IN ('PENDING', 'RETRYING')"),
    )
    op.drop_column("notifications", "told_status")
    op.drop_column("notifications", "is_followed")
    op.drop_column("notifications", "lookups")
    op.drop_column("notifications", "failover_of")
    op.drop_column("notifications", "failover_at")
    op.drop_column("notifications", "failover")
    op.drop_column("endpoints", "disabled_reason")
    op.drop_column("endpoints", "failover")
    op.drop_column("endpoints", "purpose")
    op.drop_index(
        "uq_suppressions_client_id_channel_recipient",
        table_name="suppressions",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_index("ix_suppressions_client_id_id", table_name="suppressions")
    op.drop_table("suppressions")
    op.drop_table("delivery_policies")
    op.drop_table("users")
    op.drop_index("uq_receipts_provider_provider_event_id", table_name="receipts")
    op.drop_index("ix_receipts_waiting", table_name="receipts", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index(
        "ix_receipts_notification_id", table_name="receipts", postgresql_where=sa.text("notification_id IS NOT NULL")
    )
    op.drop_table("receipts")
    op.drop_table("book_totals")
    op.drop_table("book_entries")
    op.drop_table("audit_runs")
