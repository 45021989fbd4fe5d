"""`sentinel rules`: keep the rules of a client in a file, try them, and see how often they would have spoken."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, NoReturn, TextIO, TypeVar

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sentinel.cli import rule_files
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import get_console, harmless, print_facts, print_json, print_table
from sentinel.cli.rule_files import FileRule
from sentinel.errors import FieldError, InvalidInputError, NotFoundError, SentinelError
from sentinel.models import Rule
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import rules as queries
from sentinel.queries.rules import Filter
from sentinel.rules import advice
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.packs import PACKS
from sentinel.services.access.clients import OPERATOR, SCOPES, Caller
from sentinel.services.ruling import replay as replaying
from sentinel.services.ruling import rule_sets, rule_trial
from sentinel.services.ruling import rules as service
from sentinel.services.ruling.live_rules import LiveRule
from sentinel.services.ruling.replay import HourCount, Replay
from sentinel.services.ruling.rule_sets import Difference
from sentinel.services.ruling.rule_trial import Trial
from sentinel.services.ruling.rules import Draft
from sentinel.services.unit_of_work import UnitOfWork

COLUMNS = ("id", "name", "enabled", "version", "index", "updated")
BAR_WIDTH = 60
QUIET_HOURS = 48
"""Of more hours than this, those in which nothing happened are left out."""

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose rules.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def operator(uow: UnitOfWork, client: str) -> Caller:
    """The operator of this machine, acting for a client."""
    found = client_id(uow.session, client)
    return Caller(found or 0, client, frozenset(SCOPES), OPERATOR)


def found_rule(uow: UnitOfWork, caller: Caller, named: str) -> Rule:
    """The rule of an id or a name."""
    if named.isdecimal():
        return service.get(uow, int(named), client_id=caller.client_id)
    for rule in queries.by_names(uow.session, caller.client_id, [named]):
        return rule
    raise NotFoundError(f"client {caller.client_name} has no rule {named!r}; see `sentinel rules list`")


@click.group(epilog="Example: sentinel rules apply -f rules.yaml --dry-run --diff")
def rules() -> None:
    """Write, try and look into the rules of a client."""


@rules.command("list", epilog="Example: sentinel rules list --client shop --part order")
@of_client
@click.option("--part", help="Part of the name or of the text, in any case.")
@click.option("--enabled/--disabled", "is_enabled", default=None, help="Only these. Default: both.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@as_json_option
def list_command(*, client: str, part: str | None, is_enabled: bool | None, limit: int, as_json: bool) -> None:
    """List rules in the order they were made. Times are UTC."""
    with operator_work() as uow:
        caller = operator(uow, client)
        wanted = Filter(caller.client_id, is_enabled=is_enabled, part=part)
        rows, following = service.page(uow, wanted, size=limit)
    if as_json:
        print_json([as_view(row, client) for row in rows])
        return
    print_table(COLUMNS, [_line(row) for row in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@rules.command(epilog='Example: sentinel rules show "Big orders"')
@click.argument("named", metavar="RULE")
@of_client
@as_json_option
def show(named: str, *, client: str, as_json: bool) -> None:
    """Show a rule, by its id or name, and who changed it. Times are UTC."""
    with operator_work() as uow:
        caller = operator(uow, client)
        rule = found_rule(uow, caller, named)
        changes = service.history(uow, rule.id, client_id=caller.client_id)
    if as_json:
        print_json(as_view(rule, client))
        return
    print_facts(as_view(rule, client).items())
    for warning in advice.warnings(service.syntax_of(rule).condition):
        click.echo(f"note: {harmless(warning)}")
    click.echo()
    rows = [(each.changed_at, each.version, each.change, each.changed_by) for each in changes]
    print_table(("at", "version", "change", "by"), rows)


@rules.command(epilog="Example: sentinel rules apply -f rules.yaml --client shop --dry-run --diff")
@click.option("-f", "--file", type=click.File(encoding="utf-8"), required=True, help="YAML; - is standard input.")
@of_client
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--diff", "is_shown", is_flag=True, help="Show each change, line by line.")
@click.option("--prune", is_flag=True, help="Delete the rules that are not in the file.")
def apply(*, file: TextIO, client: str, dry_run: bool, is_shown: bool, prune: bool) -> None:
    """Make a client's rules those of a file: all of them, or none if one is refused.

    Rules are told apart by their names. Those that are not in the file stay, unless --prune is given.
    """
    entries = rule_files.read(file)
    with operator_work() as uow:
        caller = operator(uow, client)
        difference = _compare(uow, caller, entries, prune=prune)
        if difference.refused:
            _report(difference, entries, file.name)
        if is_shown:
            _print_diff(difference)
        if not dry_run:
            _last("writing", difference.size, rule_sets.apply(uow, caller, difference), lambda done: done)
    click.echo(_summary(difference, is_done=not dry_run))


@rules.command(epilog="Example: sentinel rules export --client shop -o rules.yaml")
@of_client
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="Default: standard output.")
def export(*, client: str, output: TextIO) -> None:
    """Write a client's rules as a file that `apply` takes."""
    with operator_work() as uow:
        found = rule_sets.everything(uow, operator(uow, client).client_id)
    rule_files.write(found, output)


@rules.command(epilog="""Example: sentinel rules test --id 7 --event '{"type": "order", "amount": 750}'""")
@click.option("--id", "rule_id", type=click.IntRange(1), help="A stored rule.")
@click.option("--rule", "text", help="The text of a rule.")
@click.option("-f", "--file", type=click.File(encoding="utf-8"), help="A file with one rule in it.")
@click.option("--event", required=True, help="The event as JSON; @name reads a file, - standard input.")
@of_client
@as_json_option
def test(*, rule_id: int | None, text: str | None, file: TextIO | None, event: str, client: str, as_json: bool) -> None:
    """Try a rule on an event: does it match, which condition fails, what would be sent. Nothing is stored."""
    given: list[str | int] = [each for each in (rule_id, text, file.read() if file else None) if each is not None]
    if len(given) != 1:
        raise click.UsageError("give one of --id, --rule and --file")
    body = read_event(event)
    with operator_work() as uow:
        caller = operator(uow, client)
        trial = rule_trial.test(uow, caller, _meant(uow, caller, given[0]), body)
    if as_json:
        from sentinel.api.rules import trial_view  # noqa: PLC0415 - the other commands need no Flask

        print_json(trial_view(trial))
        return
    _print_trial(trial)


@rules.command(epilog='Example: sentinel rules replay "Big orders" --hours 24')
@click.argument("named", metavar="RULE")
@click.option("--hours", type=click.IntRange(1, replaying.LONGEST_HOURS), default=24, show_default=True)
@of_client
@as_json_option
def replay(named: str, *, hours: int, client: str, as_json: bool) -> None:
    """Run a rule, by its id or name, over the events of the last hours: how often it would have spoken, and to whom."""
    with operator_work() as uow, get_console().status("reading events"):
        caller = operator(uow, client)
        tried = rule_trial.meant(uow, caller, found_rule(uow, caller, named).id)
        found = replaying.replay(uow, tried, hours=hours)
    if as_json:
        print_json(asdict(found))
        return
    _print_replay(found)


@rules.command(epilog='Example: sentinel rules enable "Big orders"')
@click.argument("named", metavar="RULE")
@of_client
def enable(named: str, *, client: str) -> None:
    """Enable a rule, by its id or name."""
    _switch(named, client, is_enabled=True)


@rules.command(epilog='Example: sentinel rules disable "Big orders"')
@click.argument("named", metavar="RULE")
@of_client
def disable(named: str, *, client: str) -> None:
    """Disable a rule, by its id or name: events do not ask it any more."""
    _switch(named, client, is_enabled=False)


@rules.command(epilog="Example: sentinel rules install device_health --client shop")
@click.argument("pack", type=click.Choice(PACKS))
@of_client
def install(pack: str, *, client: str) -> None:
    """Copy shipped rules into a client's own, to be edited. Rules that are there already stay as they are."""
    with operator_work() as uow:
        made, kept = service.install(uow, operator(uow, client), pack)
    for rule in made:
        click.echo(f"new   {harmless(rule.name)}")
    for name in kept:
        click.echo(f"kept  {harmless(name)}")


def as_view(rule: Rule, client: str) -> dict[str, Any]:
    """A rule as the API shows it."""
    from sentinel.api.rules import view  # noqa: PLC0415 - `apply` needs no Flask

    return view(rule, client)


def _switch(named: str, client: str, *, is_enabled: bool) -> None:
    with operator_work() as uow:
        caller = operator(uow, client)
        rule = service.switch(uow, caller, found_rule(uow, caller, named).id, is_enabled=is_enabled)
    click.echo(f"Rule {rule.id} is {'enabled' if is_enabled else 'disabled'}: {harmless(rule.name)}")


def _line(rule: Rule) -> tuple[Any, ...]:
    index = advice.placement(service.syntax_of(rule).condition)
    return (rule.id, rule.name, "yes" if rule.is_enabled else "no", rule.version, index, rule.updated_at)


def read_event(given: str) -> dict[str, Any]:
    """The event of `--event`: JSON, @ and the name of a file, or - for standard input."""
    text = given
    if given == "-":
        text = sys.stdin.read()
    elif given.startswith("@"):
        with click.open_file(given[1:], encoding="utf-8") as file:
            text = file.read()
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(
            FieldError("--event", text[:100], f"is not JSON: {error}", "send a JSON object")
        ) from None
    if not isinstance(body, dict):
        raise InvalidInputError(FieldError("--event", text[:100], "is not an object", "send a JSON object"))
    return body


def _meant(uow: UnitOfWork, caller: Caller, given: str | int) -> LiveRule:
    try:
        return rule_trial.meant(uow, caller, given)
    except InvalidRuleError as error:
        click.echo(harmless(error.excerpt()), err=True)
        raise


def _compare(uow: UnitOfWork, caller: Caller, entries: Sequence[FileRule], *, prune: bool) -> Difference:
    wanted = [each.wanted for each in entries]
    steps = rule_sets.compare(uow, caller, wanted, prune=prune)
    return _last("reading", len(entries), steps, lambda each: each.read) or Difference()


T = TypeVar("T")


def _last(label: str, total: int, steps: Iterable[T], done: Callable[[T], int]) -> T | None:
    """Take all steps under a progress bar; gives back the last."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    step = None
    with Progress(*columns, console=get_console(), transient=True, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task(label, total=total)
        for step in steps:
            progress.update(bar, completed=done(step))
    return step


def _report(difference: Difference, entries: Sequence[FileRule], name: str) -> NoReturn:
    """Say of each refused rule where it stands and what is wrong."""
    for place, error in sorted(difference.refused.items()):
        entry = entries[place]
        line = entry.line_of(error.problem.line) if isinstance(error, InvalidRuleError) else entry.line
        click.echo(f"{name}:{line}: {harmless(entry.wanted.name)}: {harmless(str(error))}", err=True)
        if isinstance(error, InvalidRuleError):
            click.echo(harmless(error.excerpt()), err=True)
    raise SentinelError(f"{len(difference.refused)} of {len(entries)} rules were refused; nothing was changed")


def _print_diff(difference: Difference) -> None:
    for rule in difference.gone:
        _print_lines(_as_lines(rule.name, rule.text, is_enabled=rule.is_enabled), [])
    for each in difference.changed:
        before = _as_lines(each.rule.name, each.rule.text, is_enabled=each.rule.is_enabled)
        _print_lines(before, _draft_lines(each.draft))
    for draft in difference.new:
        _print_lines([], _draft_lines(draft))


def _draft_lines(draft: Draft) -> list[str]:
    return _as_lines(draft.name, draft.rule.text, is_enabled=draft.is_enabled)


def _as_lines(name: str, text: str, *, is_enabled: bool) -> list[str]:
    return [f"{name}{'' if is_enabled else ' (disabled)'}", *(f"    {line}" for line in text.splitlines())]


def _print_lines(before: list[str], after: list[str]) -> None:
    for line in difflib.ndiff(before, after):
        if not line.startswith("?"):
            click.secho(harmless(line), fg={"+": "green", "-": "red"}.get(line[0]))


def _summary(difference: Difference, *, is_done: bool) -> str:
    counts = {
        "new": len(difference.new),
        "changed": len(difference.changed),
        "deleted": len(difference.gone),
        "unchanged": difference.unchanged,
    }
    text = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    return f"{text}." if is_done else f"{text}. Nothing was written (--dry-run)."


def _print_trial(trial: Trial) -> None:
    explained = trial.explanation
    click.secho("matches" if explained.matched else "does not match", bold=True)
    rows = [("yes" if each.holds else "no", each.text, each.value, each.note) for each in explained.findings]
    print_table(("holds", "condition", "value", "note"), rows)
    if trial.needs:
        click.echo(f"Taken as given: {', '.join(trial.needs)}")
    for message in trial.messages:
        click.echo()
        reason = f" ({message.reason})" if message.reason else ""
        click.secho(harmless(f"{message.channel}:{message.recipient}{reason}"), bold=True)
        click.echo(harmless("\n".join(part for part in (message.subject, message.body) if part)))
    for ticket in trial.tickets:
        click.echo()
        policy = f" (policy {ticket.policy})" if ticket.policy else ""
        click.secho(harmless(f"ticket {ticket.severity}: {ticket.title}{policy}"), bold=True)
    for end in trial.ends:
        click.echo()
        click.secho(harmless(f"resolves the ticket of {end.merge_key or 'no key'}"), bold=True)


def _print_replay(found: Replay) -> None:
    for each in _interesting(found.hours):
        click.echo(f"{each.hour:%Y-%m-%d %H:%M} {_bar(each, found.hours)}")
    cut = " (there are more; the newest were taken)" if found.is_cut else ""
    click.echo(f"\n{found.events:,} events{cut}: matched {found.matched:,}, spoke {found.fired:,}.")
    if found.duplicates:
        click.echo(f"Held back as duplicates: {found.duplicates:,}.")
    if found.tickets:
        click.echo(f"Tickets: {found.tickets:,}.")
    if found.targets:
        rows = [(each.channel, each.recipient, each.count, each.reason) for each in found.targets]
        print_table(("channel", "recipient", "messages", "reason"), rows)


def _interesting(hours: Sequence[HourCount]) -> Iterable[HourCount]:
    return hours if len(hours) <= QUIET_HOURS else [each for each in hours if each.matched or each.fired]


def _bar(each: HourCount, hours: Sequence[HourCount]) -> str:
    """What spoke in full blocks, what matched besides in light ones."""
    tallest = max(max(hour.matched, hour.fired) for hour in hours) or 1
    full = round(BAR_WIDTH * each.fired / tallest)
    light = max(0, round(BAR_WIDTH * each.matched / tallest) - full)
    figures = f" {each.fired:,} of {each.matched:,}" if each.matched or each.fired else ""
    return "█" * full + "░" * light + figures
