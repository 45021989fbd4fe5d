"""A private PostgreSQL: made once with a random password, then run in the foreground on 127.0.0.1."""

from __future__ import annotations

import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql

from sentinel.embedded.binaries import POSTGRES, programs_directory
from sentinel.embedded.files import kept_password, write_private
from sentinel.embedded.ports import LOOPBACK, remembered_port
from sentinel.embedded.specs import Holding, NotReadyError, ProcessSpec, ServerSpec, tethered
from sentinel.embedded.state import State
from sentinel.errors import ConfigurationError

USER = "sentinel"
DATABASE = "sentinel"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# For two cores and little memory; nothing here is needed for correctness.
OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # their paths may be about 100 bytes long, a state directory's may be longer
    "max_connections": "100",
    "shared_buffers": "128MB",  # taken as it is used: indexes of a million notifications, as far as they are written
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "64MB",
    "huge_pages": "off",
    "random_page_cost": "1.1",
    "jit": "off",  # pays for analytics, costs for our short queries
    "io_method": "sync",  # three processes fewer
    "wal_level": "minimal",  # nobody replicates from here
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # After a checkpoint each page goes into the log as a whole when it is first written: few checkpoints.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "",  # the supervisor's log has a prefix of its own
}
# A power cut may then destroy the data: only for tests, whose data nobody misses.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def prepare_postgres(state: State, *, is_durable: bool = True) -> ServerSpec:
    """Make the data directory at the first call; say how to run the server on it."""
    programs = programs_directory(POSTGRES, state)
    password = kept_password(state.path / "postgres.password")
    data = state.data_root / "postgres"
    if not data.exists():
        _create_cluster(state, programs, data, is_durable=is_durable)
    port = remembered_port(state.port_book, "postgres")
    url = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
    process = ProcessSpec(
        name="postgres",
        command=tethered(
            _server_command(programs, data, port=port, is_durable=is_durable),
            death_signal=signal.SIGINT,
            holding=_holding(state, stale=data / "postmaster.pid"),
        ),
        environment=ENVIRONMENT,
        stop_signal=signal.SIGINT,  # "fast": ends sessions and checkpoints; SIGTERM would wait for clients
        stop_seconds=60,
    )
    return ServerSpec(process, url, partial(_identify, url))


def _holding(state: State, *, stale: Path | None = None) -> Holding:
    return Holding(lock=state.data_root / "postgres.lock", account=state.account, stale=stale)


def _server_command(programs: Path, data: Path, *, port: int, is_durable: bool) -> tuple[str, ...]:
    options = OPTIONS | {"port": str(port)} | ({} if is_durable else NOT_DURABLE)
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return (str(programs / "postgres"), "-D", str(data), *settings)


def _create_cluster(state: State, programs: Path, data: Path, *, is_durable: bool) -> None:
    """Initdb into a draft that becomes `data` in one step: a start cut short leaves nothing half made."""
    draft, password_file = data.with_suffix(".new"), data.with_suffix(".initpw")
    shutil.rmtree(draft, ignore_errors=True)
    write_private(password_file, (state.path / "postgres.password").read_text())
    if state.account:
        shutil.chown(password_file, state.account.uid, state.account.gid)
    program = (
        str(programs / "initdb"),
        *("-D", str(draft), "-U", USER, "--pwfile", str(password_file), "--auth=scram-sha-256"),
        # This build has no ICU, and the machine may lack locales: PostgreSQL's own C.UTF-8 is the same everywhere.
        *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        "--no-instructions",
        *(() if is_durable else ("--no-sync",)),
    )
    command = tethered(program, holding=_holding(state))
    try:
        done = subprocess.run(command, env=ENVIRONMENT, cwd="/", stdout=subprocess.PIPE, text=True, check=False)
    finally:
        password_file.unlink()
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or [f"exit code {done.returncode}"]
        reason = next((line for line in lines if "error" in line or "FATAL" in line), lines[-1])
        raise ConfigurationError(f"PostgreSQL's data directory {data} could not be made: {reason}")
    draft.rename(data)


def _identify(url: str) -> str:
    """The version, once the server takes connections and our database exists."""
    try:
        connection = psycopg2.connect(url.removesuffix(DATABASE) + "postgres", connect_timeout=5)
    except psycopg2.OperationalError as error:
        raise NotReadyError(str(error).strip().splitlines()[-1]) from None
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                _create_database(cursor)
        return f"PostgreSQL {connection.get_parameter_status('server_version')}"
    finally:
        connection.close()


def _create_database(cursor: psycopg2.extensions.cursor) -> None:
    try:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except errors.DuplicateDatabase:  # another question was quicker
        return
