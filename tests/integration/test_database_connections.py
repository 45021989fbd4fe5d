"""What a transaction costs in round trips, what single statements are, and how a pool outlives its server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg2 import extensions
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sentinel import db
from sentinel.embedded.servers import Servers
from sentinel.services.unit_of_work import single_statements, unit_of_work
from sentinel.settings import get_settings
from tests.conftest import Configure
from tests.wires import Wire

ASK = text("SELECT 1")
WRITE = text("INSERT INTO rule_changes (rule_id, changed_at) VALUES (1, now())")
COUNT = text("SELECT count(*) FROM rule_changes")
PID = text("SELECT pg_backend_pid()")


class StopError(Exception):
    """Ends a block."""


@pytest.fixture
def wire(database: Configure, servers: Servers) -> Iterator[Wire]:
    """A database that counts what it is told, with one connection in its pool."""
    counting = Wire(servers.database_url)
    database(DATABASE_URL=counting.url)
    written()
    yield counting
    db.get_engine().dispose()
    counting.close()


def written() -> int:
    with single_statements() as uow:
        return int(uow.session.execute(COUNT).scalar_one())


def pid() -> int:
    with single_statements() as uow:
        return int(uow.session.execute(PID).scalar_one())


def write_and_stop(session: Session, *, question: TextClause = ASK) -> None:
    """Write a row, say something more, and end the block."""
    session.execute(WRITE)
    session.execute(question)
    raise StopError


def end_server_process(number: int) -> None:
    """Let the server end a connection, as it does with all of them when it is restarted."""
    engine = create_engine(get_settings().sqlalchemy_url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": number})
    engine.dispose()


def test_a_transaction_costs_a_round_trip_for_each_statement_and_one_for_its_end(wire: Wire) -> None:
    before = wire.said

    with unit_of_work() as uow:
        uow.session.execute(WRITE)
        uow.session.execute(ASK)

    assert wire.said - before == 3


def test_a_single_statement_costs_its_own_round_trip(wire: Wire) -> None:
    before = wire.said

    with single_statements() as uow:
        uow.session.execute(WRITE)

    assert wire.said - before == 1
    assert written() == 1


def test_a_unit_of_work_that_says_nothing_costs_nothing(wire: Wire) -> None:
    before = wire.said

    with unit_of_work(), single_statements():
        pass

    assert wire.said == before


def test_single_statements_stay_when_a_later_one_fails(database: Configure) -> None:
    with pytest.raises(StopError), single_statements() as uow:
        write_and_stop(uow.session)

    assert written() == 1


def test_a_connection_of_single_statements_serves_transactions_afterwards(database: Configure) -> None:
    with single_statements() as uow:
        alone = uow.session.execute(PID).scalar_one()

    with pytest.raises(StopError), unit_of_work() as uow:
        write_and_stop(uow.session)

    assert (written(), pid()) == (0, alone)


def test_a_savepoint_takes_back_its_own_part(database: Configure) -> None:
    with unit_of_work() as uow:
        with pytest.raises(StopError), uow.session.begin_nested():
            write_and_stop(uow.session)
        uow.session.execute(WRITE)

    assert written() == 1


def test_a_failed_statement_undoes_those_before_it(database: Configure) -> None:
    with pytest.raises(DBAPIError), unit_of_work() as uow:
        write_and_stop(uow.session, question=text("SELECT 1/0"))

    assert written() == 0


def test_a_cursor_of_the_server_belongs_to_the_transaction_around_it(database: Configure) -> None:
    numbers = text("SELECT n FROM generate_series(1, 100) AS n")

    def read_and_stop(session: Session) -> None:
        session.execute(WRITE)
        streamed = session.execute(numbers, execution_options={"stream_results": True, "yield_per": 10})
        assert list(streamed.scalars()) == list(range(1, 101))
        write_and_stop(session)

    with pytest.raises(StopError), unit_of_work() as uow:
        read_and_stop(uow.session)

    assert written() == 0


def test_a_level_of_isolation_holds_for_one_transaction(database: Configure) -> None:
    shown = text("SHOW transaction_isolation")

    with unit_of_work() as uow:
        uow.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        strict = uow.session.execute(shown).scalar_one()
    with unit_of_work() as uow:
        usual = uow.session.execute(shown).scalar_one()

    assert (strict, usual) == ("repeatable read", "read committed")


def test_a_restart_of_the_server_between_two_transactions_is_not_noticed(database: Configure) -> None:
    before = pid()
    end_server_process(before)

    assert pid() not in {before, 0}


def test_after_a_long_rest_the_server_is_asked_whether_it_is_there(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "REST_SECONDS", 0)
    before = wire.said

    pid()

    assert wire.said - before == 2


def test_nothing_is_left_open_in_the_pool(database: Configure) -> None:
    with unit_of_work() as uow:
        uow.session.execute(ASK)
        connection = uow.session.connection().connection.driver_connection

    assert connection.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE  # type: ignore[union-attr]
