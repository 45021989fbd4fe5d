"""The console: a third role of users, and who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import online

revision = "0013"
down_revision = "0012"

MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())
ROLE = "ck_users_role"


def upgrade() -> None:
    if not online.has_table("actions"):
        make_actions()
    set_roles("'admin', 'operator', 'viewer'")
    with online.beside_traffic():
        online.validate(ROLE, "users")


def make_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("origin", sa.String(50), nullable=False),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("client", sa.String(100), nullable=True),
        sa.Column("detail", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_at", "actions", ["at"])
    op.create_index("ix_actions_actor_id", "actions", ["actor", "id"])
    op.create_index("ix_actions_subject_id", "actions", ["subject", "id"])
    op.create_index("ix_actions_client_id", "actions", ["client", "id"], postgresql_where=sa.text("client IS NOT NULL"))


def set_roles(roles: str) -> None:
    op.drop_constraint(op.f(ROLE), "users", type_="check")
    online.add_check(ROLE, "users", f"role IN ({roles})")


def downgrade() -> None:
    op.drop_table("actions")
    op.execute("UPDATE users SET role = 'viewer' WHERE role = 'operator'")
    set_roles("'admin', 'viewer'")
