"""`python -m sentinel.celery_programs worker|beat|flower|ping APP …`: Celery's programs without its command line.

`python -m celery` imports all of its commands, whatever it is asked for: a shell with its terminal toolkit, a syntax
highlighter, and Flower with a web server. That is 20 MB and half a second for each process: docs/decisions/092.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import click

from sentinel.imports import UNWANTED, hidden, load_redis, loading

with hidden(*UNWANTED):
    from celery import Celery, platforms
    from celery.app.utils import find_app
    from celery.apps.beat import Beat
    from celery.beat import Service
    from celery.utils.nodenames import default_nodename, host_format

    importlib.import_module("celery.bootsteps")  # each application would load it later

load_redis()  # before the broker's transport does

Run = Callable[[], Any]

LONGEST_SLEEP_SECONDS = 0.5
"""How long beat may take to notice that it is to stop."""


def worker(app: Celery, arguments: argparse.Namespace) -> Run:
    """Serve queues until a signal says stop."""
    queues = arguments.queues.split(",")
    app.conf.imports = [*needed_modules(app, queues), *sending_modules(queues)]
    node = app.Worker(
        hostname=host_format(default_nodename(arguments.node)),
        queues=queues,
        pool_cls=arguments.pool,
        concurrency=arguments.concurrency,
        loglevel=arguments.loglevel,
        task_events=True,  # Flower
        # Workers need not know each other: one second less at the start, and no talk between them.
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    return partial(_serve, node)


def _serve(node: Any) -> int | None:
    node.start()
    exit_code: int | None = node.exitcode
    return exit_code


def needed_modules(app: Celery, queues: Iterable[str]) -> list[str]:
    """Modules of the tasks that may come over `queues`: those routed to other queues stay away."""
    routes = {pattern.removesuffix(".*"): route["queue"] for pattern, route in app.conf.task_routes.items()}
    return [module for module in app.conf.imports if routes.get(module) in {None, *queues}]


def sending_modules(queues: Iterable[str]) -> list[str]:
    """Modules that the channels' providers send with: no message waits until they are loaded."""
    from sentinel.channels.registry import CHANNELS, modules_of  # noqa: PLC0415 - workers alone send
    from sentinel.settings import get_settings  # noqa: PLC0415 - as above

    channels = dict.fromkeys(queue.removesuffix(".retry") for queue in queues)
    return modules_of([each for each in channels if each in CHANNELS], get_settings())


class Clock(Beat):  # type: ignore[misc] # celery has no types
    """Celery's beat, which ends between two rings.

    Celery would close the schedule and raise SystemExit wherever the signal comes. In the middle of a ring that is
    lost among the broker's errors, and beat then falls over the closed schedule.
    """

    def install_sync_handler(self, service: Service) -> None:
        """Let the signals of a stop end the loop."""

        def stop(*_: object) -> None:
            service.stop()

        platforms.signals.update(SIGTERM=stop, SIGINT=stop)


def beat(app: Celery, arguments: argparse.Namespace) -> Run:
    """Ring the periodic tasks until a signal says stop."""
    times = {"schedule": arguments.schedule, "max_interval": LONGEST_SLEEP_SECONDS}
    run: Run = Clock(app=app, **times, loglevel=arguments.loglevel, quiet=True).run
    return run


def flower(app: Celery, arguments: argparse.Namespace) -> Run:
    """Show workers and tasks until a signal says stop. Flower reads its other options itself."""
    with hidden("pygments"):  # for a command line that Flower has no use for
        from celery.bin.base import CLIContext  # noqa: PLC0415 - 10 MB for Flower alone
        from flower.command import flower as command  # noqa: PLC0415

    # Flower asks the command above it for its options, and it for the application.
    commands = click.Group("celery", commands=[command])
    context = CLIContext(app=app, no_color=None, workdir=None, quiet=True)
    return partial(commands.main, ["flower", *arguments.options], obj=context, standalone_mode=False)


def ping(app: Celery, arguments: argparse.Namespace) -> Run:
    """Ask a worker whether it is there; exit code 1 when it does not say so."""
    node = host_format(default_nodename(arguments.node))
    inspect = app.control.inspect(destination=[node], timeout=arguments.timeout)
    return lambda: 0 if inspect.ping() else 1


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the few options that Sentinel gives, under the names they have in Celery."""
    parser = argparse.ArgumentParser(prog="python -m sentinel.celery_programs", description=__doc__)
    programs = parser.add_subparsers(required=True)
    for_worker, for_beat, for_flower, for_ping = (_program(programs, build) for build in (worker, beat, flower, ping))
    for each in (for_worker, for_ping):
        each.add_argument("-n", dest="node", required=True, help="the worker's name; %%h is the host's")
    for_worker.add_argument("-Q", dest="queues", required=True, help="names, separated by commas")
    for_worker.add_argument("--pool", required=True)
    for_worker.add_argument("--concurrency", type=int, required=True)
    for_worker.add_argument("--loglevel", required=True)
    for_beat.add_argument("--schedule", required=True, help="file with the times of the last rings")
    for_beat.add_argument("--loglevel", required=True)
    for_ping.add_argument("--timeout", type=float, default=10.0, help="seconds")
    for_flower.add_argument("options", nargs=argparse.REMAINDER, help="Flower's own")
    return parser.parse_args(arguments)


def _program(programs: Any, build: Callable[[Celery, argparse.Namespace], Run]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = programs.add_parser(build.__name__, help=build.__doc__)
    parser.set_defaults(build=build)
    parser.add_argument("app", help="module of the Celery application")
    return parser


def main(arguments: list[str]) -> Any:
    """Run the program that is asked for; gives back its exit code."""
    options = parse_arguments(arguments)
    with loading():
        run: Run = options.build(find_app(options.app), options)
    return run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
