"""Is this installation well? Each check says so in one line, or what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.diagnosis.configuration import check_configuration
from sentinel.services.watching.diagnosis.database import check_database, check_pools, check_schema
from sentinel.services.watching.diagnosis.findings import Finding, Level, broken, first_line, ok
from sentinel.services.watching.diagnosis.flow import check_flow
from sentinel.services.watching.diagnosis.redis_server import check_redis
from sentinel.services.watching.diagnosis.sealing import check_sealing
from sentinel.services.watching.diagnosis.workers import Workers, ask_workers, check_broker, check_workers
from sentinel.settings import Settings

__all__ = ["Finding", "Level", "check_installation", "diagnose"]

Revisions = Callable[[], tuple[str | None, str | None]]


def diagnose(settings: Settings, revisions: Revisions) -> Iterator[Finding]:
    """Run every check; what hangs on something unreachable is left out. `revisions` gives (current, newest)."""
    yield ok("settings", f"{settings.env}, understood")
    yield from check_configuration(settings)
    server, findings = check_database(settings)
    yield from findings
    yield from check_redis(settings)
    is_broker_up, findings = check_broker()
    yield from findings
    workers = ask_workers() if is_broker_up else Workers({}, 0)
    if is_broker_up:
        yield from check_workers(workers)
    if server is None:
        return
    yield check_pools(settings, server, worker_processes=workers.processes)
    yield from _check_rows(settings, revisions)


def check_installation(settings: Settings, current: str | None, newest: str | None) -> Iterator[Finding]:
    """The checks that ask no other server: of the settings, and of the schema that was found."""
    yield from check_configuration(settings)
    yield check_schema(current, newest)


def _check_rows(settings: Settings, revisions: Revisions) -> Iterator[Finding]:
    schema = check_schema(*revisions())
    yield schema
    if schema.level is not Level.OK:
        return
    try:
        with unit_of_work() as uow:
            yield from check_flow(uow, settings)
            yield check_sealing(uow, settings)
    except SQLAlchemyError as error:
        remedy = "see PostgreSQL's log; a table that needs VACUUM answers late"
        yield broken("backlog", f"the database did not answer: {first_line(error)}", remedy)
