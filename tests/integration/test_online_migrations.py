"""Migrations run while the version before is at work: they block nobody for long, and take nothing away from it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text

from migrations import online
from sentinel.cli.db import alembic_config
from sentinel.embedded.servers import Servers
from sentinel.errors import SentinelError
from sentinel.models import Base
from tests.conftest import Configure
from tests.databases import own_database

BEFORE_THE_RULES = "0002"
"""Up to here there was nobody to disturb."""

CONTRACTED: dict[str, set[str]] = {}
"""By revision: tables and columns (`table.column`) that the version before no longer reads, and which may now go."""

BIG = "notifications|attempts|timeline_entries|events|tickets|ticket_events"

FORBIDDEN = {
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)": "blocks every write while it is built: online.build_index",
    r"DROP INDEX (?!CONCURRENTLY)": "waits for every query: postgresql_concurrently=True",
    r"REINDEX|VACUUM FULL|CLUSTER|LOCK TABLE|LOCK ": "blocks everybody",
    rf"(UPDATE|DELETE FROM) ({BIG})\b": "one statement over a big table: bounded batches, in a sweeper",
    r".* ADD CONSTRAINT (?!.*(NOT VALID|USING INDEX))": "looks at each row under a lock: online.add_check, validate",
    r".* ALTER COLUMN \w+ (SET DATA )?TYPE": "writes the table anew: a new column, filled in batches",
    r".* ALTER COLUMN \w+ SET NOT NULL": "looks at each row under a lock: a check NOT VALID, validated",
    r".* ADD COLUMN .*(GENERATED|IDENTITY|SERIAL|REFERENCES|UNIQUE|PRIMARY KEY)": "writes or scans the table",
    r".* ADD COLUMN .*DEFAULT \w+\(": "a default that is not constant writes the table anew",
    r".* ADD COLUMN (?!.*DEFAULT).*NOT NULL": "the version before inserts without it: a constant default",
    r".* RENAME ": "the version before knows the old name only",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a migration said, and whether it said so outside of a transaction."""

    sql: str
    is_alone: bool = False


def objection(statement: Statement, *, existing: set[str], contracted: set[str]) -> str | None:
    """Why a statement must not run beside traffic; None if it may."""
    sql = re.sub(r"\s+", " ", statement.sql.replace('"', "")).strip()
    found = re.match(r"(?:ALTER|DROP) TABLE (?:IF EXISTS |ONLY )?(\w+)|.* INDEX .*? ON (?:ONLY )?(\w+)", sql)
    table = (found[1] or found[2]) if found else None
    if table is not None and table not in existing:
        return None
    gone = re.match(r"DROP TABLE (?:IF EXISTS )?(\w+)", sql)
    column = re.match(r"ALTER TABLE \w+ DROP COLUMN (?:IF EXISTS )?(\w+)", sql)
    if (gone and gone[1] not in contracted) or (column and f"{table}.{column[1]}" not in contracted):
        return "the version before still reads it; once no version does, name it in CONTRACTED"
    if "VALIDATE CONSTRAINT" in sql and not statement.is_alone:
        return "keeps the lock of what came before it in its transaction: online.beside_traffic"
    return next((why for pattern, why in FORBIDDEN.items() if re.match(pattern, sql)), None)


@contextmanager
def overheard() -> Iterator[list[Statement]]:
    """Everything that is said to any database meanwhile."""
    said: list[Statement] = []

    def listen(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        said.append(Statement(sql, is_alone=connection.connection.driver_connection.autocommit))  # type: ignore[union-attr]

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


@pytest.fixture
def engine(database: Configure, servers: Servers) -> Iterator[Engine]:
    """An empty database to which DATABASE_URL points."""
    with own_database(servers.database_url, "scratch_online") as url:
        database(DATABASE_URL=url)
        made = create_engine(url)
        yield made
        made.dispose()


@pytest.fixture
def config(engine: Engine) -> Config:
    return alembic_config()


def revisions() -> list[str]:
    """Those the rules hold for, the oldest first."""
    script = ScriptDirectory.from_config(alembic_config())
    return [found.revision for found in reversed(list(script.iterate_revisions("head", BEFORE_THE_RULES)))]


def files(engine: Engine) -> dict[str, int]:
    """The file in which each table lies: another one means that it was written anew."""
    with engine.connect() as connection:
        statement = (
            "SELECT relname, relfilenode FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return {found.relname: found.relfilenode for found in connection.execute(text(statement))}


def test_every_migration_blocks_nobody_and_takes_nothing_away(config: Config, engine: Engine) -> None:
    command.upgrade(config, BEFORE_THE_RULES)

    for revision in revisions():
        before = files(engine)
        with overheard() as said:
            command.upgrade(config, revision)
        after = files(engine)
        contracted = CONTRACTED.get(revision, set())

        objections = {
            each.sql: why
            for each in said
            if (why := objection(each, existing=set(before), contracted=contracted)) is not None
        }
        assert objections == {}, f"in {revision}"
        assert {name: after[name] for name in before if name not in contracted} == before, f"{revision} writes anew"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX ix_a ON notifications (status)",
        "CREATE UNIQUE INDEX IF NOT EXISTS ix_a ON notifications (status)",
        "DROP INDEX ix_notifications_waiting",
        "ALTER TABLE notifications ADD COLUMN a INTEGER NOT NULL",
        "ALTER TABLE notifications ADD COLUMN a UUID DEFAULT gen_random_uuid()",
        "ALTER TABLE notifications ADD COLUMN a INTEGER GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE notifications ADD CONSTRAINT a CHECK (attempts > 0)",
        "ALTER TABLE notifications ADD CONSTRAINT a FOREIGN KEY(client_id) REFERENCES clients (id)",
        "ALTER TABLE notifications VALIDATE CONSTRAINT a",
        "ALTER TABLE notifications ALTER COLUMN attempts TYPE BIGINT",
        "ALTER TABLE notifications ALTER COLUMN subject SET NOT NULL",
        "ALTER TABLE notifications DROP COLUMN subject",
        "ALTER TABLE notifications RENAME COLUMN subject TO title",
        "ALTER TABLE notifications RENAME TO messages",
        "DROP TABLE notifications",
        "UPDATE notifications SET subject = ''",
        "LOCK TABLE notifications",
    ],
)
def test_what_would_block_or_break_is_found(sql: str) -> None:
    assert objection(Statement(sql), existing={"notifications"}, contracted=set())


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_a ON notifications (status)",
        "CREATE INDEX ix_a ON receipts (status)",
        "ALTER TABLE notifications ADD COLUMN a INTEGER DEFAULT 0 NOT NULL",
        "ALTER TABLE notifications ADD COLUMN a TIMESTAMP WITH TIME ZONE",
        "ALTER TABLE notifications ADD CONSTRAINT a CHECK (attempts > 0) NOT VALID",
        "ALTER TABLE notifications ALTER COLUMN subject DROP NOT NULL",
        "ALTER TABLE notifications DROP COLUMN old",
    ],
)
def test_what_blocks_nobody_may_run(sql: str) -> None:
    assert objection(Statement(sql), existing={"notifications"}, contracted={"notifications.old"}) is None


# Written as the version before 0003 wrote them, with its columns: they must work on the newer schema, too.
OLD_INSERT = text("""
    INSERT INTO notifications (
        id, client_id, channel, recipient, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
        event_id, rule_ids, endpoint_id, status, reason, attempt_limit, send_at, expires_at, next_attempt_at, queue_at,
        created_at, updated_at)
    VALUES (gen_random_uuid(), 1, 'sms', '+14155552671', NULL, 'hi', NULL, NULL, NULL, NULL, '{}',
            NULL, NULL, NULL, 'PENDING', NULL, 6, NULL, NULL, NULL, now(), now(), now())
    RETURNING id
""")
OLD_CLAIM = text("""
    UPDATE notifications
    SET status = 'SENDING', reason = NULL, provider = 'twilio', attempts = attempts + 1, next_attempt_at = NULL,
        queue_at = NULL, lease_id = gen_random_uuid(), lease_until = now() + interval '1 minute', updated_at = now()
    WHERE id = :id AND channel = 'sms' AND status IN ('PENDING', 'RETRYING')
""")
OLD_RECORD = text("""
    UPDATE notifications
    SET status = 'SENT', sent_at = now(), lease_id = NULL, lease_until = NULL, updated_at = now()
    WHERE id = :id AND status = 'SENDING'
""")
OLD_ATTEMPT = text("""
    INSERT INTO attempts (notification_id, number, provider, outcome, started_at, duration_ms)
    VALUES (:id, 1, 'twilio', 'OK', now(), 12)
""")
OLD_PAUSE = text("""
    INSERT INTO provider_accounts (name, paused_until, reason, hint, updated_at)
    VALUES ('twilio', now() + interval '1 minute', 'auth', NULL, now())
    ON CONFLICT (name) DO UPDATE SET paused_until = EXCLUDED.paused_until
""")
OLD_ENDPOINT = text("""
    INSERT INTO endpoints (client_id, channel, target, version, created_at, updated_at)
    VALUES (1, 'slack', '#ops', 1, now(), now())
""")
OLD_REST = text("SELECT paused_until FROM provider_accounts WHERE name = 'twilio' AND paused_until > now()")


@dataclass(slots=True)
class Writers:
    """The version before at work: threads that accept, claim and record notifications until told to stop."""

    engine: Engine
    longest_seconds: float = 0.0
    written: int = 0
    errors: list[Exception] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def one(self) -> None:
        """One notification's life, statement by statement."""
        with self.engine.connect() as connection:
            for statement in (OLD_INSERT, OLD_CLAIM, OLD_ATTEMPT, OLD_RECORD, OLD_PAUSE, OLD_ENDPOINT, OLD_REST):
                began = time.monotonic()
                found = connection.execute(statement, {"id": self._id} if statement is not OLD_INSERT else {})
                if statement is OLD_INSERT:
                    self._id = found.scalar_one()
                connection.commit()
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            self.written += 1

    _id: object = None

    def _run(self) -> None:
        while not self._is_over.is_set():
            try:
                self.one()
            except Exception as error:  # noqa: BLE001 - the test fails with it
                self.errors.append(error)
                return

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()


def fill(engine: Engine, rows: int) -> None:
    """Enough rows that an index takes its time."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO notifications (
                    id, client_id, channel, recipient, body, status, attempt_limit, created_at, updated_at)
                SELECT gen_random_uuid(), 1, 'sms', '+14155552671', 'hi', 'SENT', 6, now(), now()
                FROM generate_series(1, :rows)
            """),
            {"rows": rows},
        )


@pytest.fixture
def busy(config: Config, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Writers:
    """A database of the version before, full and at work; a migration's patience is short."""
    monkeypatch.setattr(online, "LOCK_SECONDS", 0.5)
    monkeypatch.setattr(online, "PAUSE_SECONDS", 0.5)
    command.upgrade(config, BEFORE_THE_RULES)
    fill(engine, 100_000)
    return Writers(engine)


def test_the_version_before_works_on_while_its_database_is_upgraded(config: Config, busy: Writers) -> None:
    with busy.at_work():
        command.upgrade(config, "head")
        at_the_end = busy.written
        time.sleep(0.5)

    assert busy.errors == []
    assert busy.written > at_the_end > 0, "it works on during the upgrade, and on the new schema"
    assert busy.longest_seconds < online.LOCK_SECONDS + 1


def test_a_long_transaction_holds_up_the_migration_and_nobody_else(
    config: Config, engine: Engine, busy: Writers, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade = threading.Thread(target=command.upgrade, args=(config, "head"))
    with engine.connect() as report, busy.at_work():
        report.execute(text("SELECT count(*) FROM notifications"))
        upgrade.start()
        time.sleep(2.5)
        assert upgrade.is_alive()
        report.rollback()
        upgrade.join(timeout=60)

    assert "trying again in 0.5 s" in capsys.readouterr().err
    assert busy.errors == []
    assert busy.longest_seconds < online.LOCK_SECONDS + 1
    assert "told_status" in {each["name"] for each in inspect(engine).get_columns("notifications")}


def test_a_lock_that_is_never_free_ends_with_the_name_of_its_holder(
    config: Config, engine: Engine, busy: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "TRIES", 2)

    with engine.connect() as report:
        report.execute(text("SET application_name = 'nightly report'"))
        report.execute(text("SELECT count(*) FROM notifications"))
        with pytest.raises(SentinelError, match=r"nightly report.*run `sentinel db upgrade` again"):
            command.upgrade(config, "head")
        report.rollback()


def test_an_upgrade_cut_off_while_it_builds_indexes_goes_on_at_the_next_start(
    config: Config, engine: Engine, busy: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unique index on rows that are not unique stays behind half built, as after a kill."""
    built = online.build_index

    def cut_off(name: str, *_: object, **__: object) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            sql = f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON notifications (client_id)"
            connection.execute(text(sql))

    monkeypatch.setattr(online, "build_index", cut_off)
    with pytest.raises(Exception, match="could not create unique index"):
        command.upgrade(config, "head")
    monkeypatch.setattr(online, "build_index", built)

    command.upgrade(config, "head")

    with engine.connect() as connection:
        invalid = connection.execute(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")).scalar_one()
    names = {each["name"] for each in inspect(engine).get_indexes("notifications")}
    assert invalid == 0
    assert names >= {index.name for index in Base.metadata.tables["notifications"].indexes}


def test_the_history_of_tickets_begins_with_what_is_known_and_a_fill_that_was_cut_off_goes_on(
    config: Config, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = online.slices
    monkeypatch.setattr(online, "SLICE", 2)

    def cut_off(table: str) -> Iterator[tuple[int, int]]:
        """As by a kill after the first slice."""
        yield next(slices(table))
        raise KeyboardInterrupt

    command.upgrade(config, "0010")
    rows = """
        INSERT INTO tickets (client_id, event_id, rule_id, severity, title, status, last_event_at, created_at,
                             updated_at, acknowledged_at, acknowledged_by, resolved_at, resolved_by)
        SELECT 1, gen_random_uuid(), 1, 'low', 'x', 'resolved', now(), now(), now(), '2026-11-20', 'ann', '2026-11-21',
               'bob'
        FROM generate_series(1, 5)
    """
    with engine.begin() as connection:
        connection.execute(text(rows))
    with monkeypatch.context() as patch, overheard() as said:
        patch.setattr(online, "slices", cut_off)
        with pytest.raises(KeyboardInterrupt):
            command.upgrade(config, "0011")
    assert [each.is_alone for each in said if "INSERT INTO ticket_entries" in each.sql] == [True]

    command.upgrade(config, "0011")

    with engine.connect() as connection:
        told = connection.execute(text("SELECT ticket_id, kind, detail->>'by' FROM ticket_entries ORDER BY id")).all()
    assert told == [
        (number, *what) for number in range(1, 6) for what in (("acknowledged", "ann"), ("resolved", "bob"))
    ]
