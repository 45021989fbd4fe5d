"""Events, rules, endpoints, templates and tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# The lock makes the numbers of the log follow the order of the commits: a worker that has read up to n misses nothing.
NOTE_RULE_CHANGES = """
    CREATE FUNCTION note_rule_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('sentinel.rule_changes'));
        INSERT INTO rule_changes (rule_id) SELECT id FROM changed_rows ORDER BY id;
        RETURN NULL;
    END $$
"""
TRIGGERS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}


def upgrade() -> None:
    op.create_table(
        "rule_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_changes")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_broadcast", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_addressed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "rule_ids", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'::integer[]"), nullable=False
        ),
        sa.Column(
            "unheard", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("queue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'PENDING') = (queue_at IS NOT NULL)", name=op.f("ck_events_waiting_has_time")),
        sa.CheckConstraint("status IN ('FAILED', 'MATCHED', 'PENDING', 'UNMATCHED')", name=op.f("ck_events_status")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_events_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_broadcast", "events", ["id"], unique=False, postgresql_where=sa.text("is_broadcast"))
    op.create_index("ix_events_client_id_id", "events", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_events_waiting", "events", ["queue_at"], unique=False, postgresql_where=sa.text("status = 'PENDING'")
    )
    op.create_index(
        "uq_events_client_id_event_id",
        "events",
        ["client_id", "event_id"],
        unique=True,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_table(
        "rule_versions",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_rule_versions_client_id_clients")),
        sa.PrimaryKeyConstraint("rule_id", "version", name=op.f("pk_rule_versions")),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("syntax", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_scanned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_rules_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_rules_client_id_name")),
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_templates_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index(
        "uq_templates_client_id_name_channel",
        "templates",
        ["client_id", "name", "channel"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("merge_key", sa.Text(), nullable=True),
        sa.Column("events", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_tickets_resolved_has_time")
        ),
        sa.CheckConstraint("severity IN ('critical', 'high', 'low', 'medium')", name=op.f("ck_tickets_severity")),
        sa.CheckConstraint("status IN ('acknowledged', 'open', 'resolved')", name=op.f("ck_tickets_status")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_tickets_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index("ix_tickets_client_id_id", "tickets", ["client_id", "id"], unique=False)
    op.create_index(
        "uq_tickets_client_id_merge_key",
        "tickets",
        ["client_id", "merge_key"],
        unique=True,
        postgresql_where=sa.text("merge_key IS NOT NULL AND status <> 'resolved'"),
    )
    op.create_index("uq_tickets_event_id_rule_id_title", "tickets", ["event_id", "rule_id", "title"], unique=True)
    op.create_index(
        "ix_tickets_unresolved",
        "tickets",
        ["severity", "status"],
        unique=False,
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "ticket_events",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rule_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_events_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "rule_id", "title", name=op.f("pk_ticket_events")),
    )
    op.create_index(op.f("ix_ticket_events_ticket_id"), "ticket_events", ["ticket_id"], unique=False)
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("template", sa.String(length=100), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("rule_id IS NULL OR user_id IS NULL", name=op.f("ck_endpoints_one_owner")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_endpoints_client_id_clients")),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_endpoints_rule_id_rules"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_endpoints_client_id_name")),
    )
    op.create_index(
        "ix_endpoints_client_id_user_id",
        "endpoints",
        ["client_id", "user_id"],
        unique=False,
        postgresql_where=sa.text("rule_id IS NULL"),
    )
    op.create_index(
        "ix_endpoints_rule_id", "endpoints", ["rule_id"], unique=False, postgresql_where=sa.text("rule_id IS NOT NULL")
    )
    op.add_column("notifications", sa.Column("dedupe_seconds", sa.Integer(), nullable=True))
    op.add_column("notifications", sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("notifications", sa.Column("rule_ids", postgresql.ARRAY(sa.Integer()), nullable=True))
    op.add_column("notifications", sa.Column("endpoint_id", sa.Integer(), nullable=True))
    op.create_index(
        "uq_notifications_event_id_target",
        "notifications",
        ["event_id", "client_id", "channel", "recipient"],
        unique=True,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.execute(NOTE_RULE_CHANGES)
    for operation, rows in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER note_{operation.lower()} AFTER {operation} ON rules "
            f"REFERENCING {rows} TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION note_rule_changes()"
        )


def downgrade() -> None:
    op.drop_index(
        "uq_notifications_event_id_target", table_name="notifications", postgresql_where=sa.text("event_id IS NOT NULL")
    )
    op.drop_column("notifications", "endpoint_id")
    op.drop_column("notifications", "rule_ids")
    op.drop_column("notifications", "event_id")
    op.drop_column("notifications", "dedupe_seconds")
    op.drop_index("ix_endpoints_rule_id", table_name="endpoints", postgresql_where=sa.text("rule_id IS NOT NULL"))
    op.drop_index("ix_endpoints_client_id_user_id", table_name="endpoints", postgresql_where=sa.text("rule_id IS NULL"))
    op.drop_table("endpoints")
    op.drop_index(op.f("ix_ticket_events_ticket_id"), table_name="ticket_events")
    op.drop_table("ticket_events")
    op.drop_index("ix_tickets_unresolved", table_name="tickets", postgresql_where=sa.text("status <> 'resolved'"))
    op.drop_index("uq_tickets_event_id_rule_id_title", table_name="tickets")
    op.drop_index(
        "uq_tickets_client_id_merge_key",
        table_name="tickets",
        postgresql_where=sa.text("merge_key IS NOT NULL AND status <> 'resolved'"),
    )
    op.drop_index("ix_tickets_client_id_id", table_name="tickets")
    op.drop_table("tickets")
    op.drop_index("uq_templates_client_id_name_channel", table_name="templates", postgresql_nulls_not_distinct=True)
    op.drop_table("templates")
    op.drop_table("rules")
    op.drop_table("rule_versions")
    op.drop_index("uq_events_client_id_event_id", table_name="events", postgresql_where=sa.text("event_id IS NOT NULL"))
    op.drop_index("ix_events_waiting", table_name="events", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index("ix_events_client_id_id", table_name="events")
    op.drop_index("ix_events_broadcast", table_name="events", postgresql_where=sa.text("is_broadcast"))
    op.drop_table("events")
    op.drop_table("rule_changes")
    op.execute("DROP FUNCTION note_rule_changes")
