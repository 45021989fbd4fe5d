"""`sentinel up`: the whole system on one machine, in the foreground."""

from __future__ import annotations

from importlib.util import find_spec

import click

from sentinel.embedded.ports import is_free
from sentinel.embedded.state import claimed_state, require_space
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings, load_settings


@click.command(epilog="Example: SENTINEL_API_PORT=8080 sentinel up")
def up() -> None:
    """Run everything here: PostgreSQL, Valkey, API, workers, beat, Flower.

    Data stay in SENTINEL_STATE_DIR (.sentinel) from one start to the next. Where DATABASE_URL or REDIS_URL is set,
    that server is used and no private one is started. Ctrl-C stops everything.
    """
    refuse_missing_parts()
    from sentinel.cli.system import planned_system  # noqa: PLC0415 - `sentinel --help` needs no supervisor
    from sentinel.embedded.plan import become_supervisor  # noqa: PLC0415
    from sentinel.embedded.system_files import forget_system  # noqa: PLC0415

    with claimed_state(load_settings().state_dir) as state:
        forget_system(state)  # what a killed `up` left behind would pass for the user's own DATABASE_URL
        settings = load_settings()
        refuse_busy_ports(settings)
        require_space(state.data_root)
        become_supervisor(planned_system(settings, state))


def refuse_missing_parts() -> None:
    """The supervisor is an extra that servers in production do without."""
    if find_spec("circus") is None:
        message = "`sentinel up` needs the packages of requirements-embedded.txt; install them with `make setup`"
        raise ConfigurationError(message)


def refuse_busy_ports(settings: Settings) -> None:
    """Say it now, and not as a stack trace between the lines of six other processes."""
    addresses = (
        ("API", "SENTINEL_API_PORT", settings.api_host, settings.api_port),
        ("Flower", "SENTINEL_FLOWER_PORT", settings.flower_host, settings.flower_port),
    )
    for title, variable, host, port in addresses:
        if not is_free(host, port):
            message = (
                f"port {port} on {host}, meant for {title}, is already in use; "
                f"stop the program that uses it, or choose another port with {variable}"
            )
            raise ConfigurationError(message)
