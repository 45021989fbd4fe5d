"""`python -m sentinel.celery_programs worker|beat|flower APP …`: Celery's programs without its command line.

`python -m celery` imports all of its commands, whatever it is asked for: a shell with its terminal toolkit, a syntax
highlighter, and Flower with a web server. That is 20 MB and half a second for each process: docs/decisions/092.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable

import click
from celery import Celery
from celery.app.utils import find_app
from celery.utils.nodenames import default_nodename, host_format


def run_worker(app: Celery, arguments: argparse.Namespace) -> int:
    """Serve queues until a signal says stop."""
    node = app.Worker(
        hostname=host_format(default_nodename(arguments.node)),
        queues=arguments.queues,
        pool_cls=arguments.pool,
        concurrency=arguments.concurrency,
        loglevel=arguments.loglevel,
        task_events=True,  # Flower
        # Workers need not know each other: one second less at the start, and no talk between them.
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    keep_what_is_loaded()
    node.start()
    return int(node.exitcode or 0)


def run_beat(app: Celery, arguments: argparse.Namespace) -> int:
    """Ring the periodic tasks until a signal says stop."""
    clock = app.Beat(schedule=arguments.schedule, loglevel=arguments.loglevel, quiet=True)
    keep_what_is_loaded()
    clock.run()
    return 0


def run_flower(app: Celery, arguments: argparse.Namespace) -> int:
    """Show workers and tasks until a signal says stop; Flower reads the rest of its options itself."""
    from celery.bin.base import CLIContext  # noqa: PLC0415 - only Flower needs it, and it brings a highlighter
    from flower.command import flower  # noqa: PLC0415 - 15 MB that only Flower needs

    keep_what_is_loaded()
    # Flower asks the command above it for its options, and it for the application.
    commands = click.Group("celery", commands=[flower])
    context = CLIContext(app=app, no_color=None, workdir=None, quiet=True)
    commands.main(["flower", *arguments.options], obj=context, standalone_mode=False)
    return 0


def keep_what_is_loaded() -> None:
    """Collect garbage once, and look no more at what stays for the life of the process."""
    gc.collect()
    gc.freeze()
    gc.enable()


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the few options that Sentinel gives, under the names they have in Celery."""
    parser = argparse.ArgumentParser(prog="python -m sentinel.celery_programs", description=__doc__)
    programs = parser.add_subparsers(required=True)
    worker = _program(programs.add_parser("worker"), run_worker)
    worker.add_argument("-n", dest="node", required=True, help="its name; %%h is the host's")
    worker.add_argument("-Q", dest="queues", required=True, help="names, separated by commas")
    worker.add_argument("--pool", required=True)
    worker.add_argument("--concurrency", type=int, required=True)
    worker.add_argument("--loglevel", required=True)
    beat = _program(programs.add_parser("beat"), run_beat)
    beat.add_argument("--schedule", required=True, help="file with the times of the last rings")
    beat.add_argument("--loglevel", required=True)
    flower = _program(programs.add_parser("flower"), run_flower)
    flower.add_argument("options", nargs=argparse.REMAINDER, help="Flower's own")
    return parser.parse_args(arguments)


def _program(
    parser: argparse.ArgumentParser, run: Callable[[Celery, argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser.set_defaults(run=run)
    parser.add_argument("app", help="module of the Celery application")
    return parser


def main(arguments: list[str]) -> int:
    """Run the program that is asked for; returns its exit code."""
    gc.disable()  # what is imported stays: to look for garbage in it a dozen times is a fifth of the start
    options = parse_arguments(arguments)
    run: Callable[[Celery, argparse.Namespace], int] = options.run
    return run(find_app(options.app), options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
