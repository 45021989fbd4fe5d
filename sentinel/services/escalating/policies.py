"""Escalation policies of a client: written, listed, and which one a ticket takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from sentinel.channels.recipients import normalise
from sentinel.errors import ConflictError, FieldError, InvalidInputError
from sentinel.models import EscalationPolicy, Rotation
from sentinel.queries import escalation_policies as queries
from sentinel.queries import named
from sentinel.queries import rules as rule_queries
from sentinel.queries.unique import TakenError
from sentinel.rules.syntax import ENDPOINT
from sentinel.services.escalating.named import Kind, checked
from sentinel.services.unit_of_work import UnitOfWork

POLICIES = Kind(EscalationPolicy, "escalation policy", "/escalation-policies")

ROTATION = "rotation"

MOST_STEPS = 20
MOST_TARGETS = 20
MOST_REPEATS = 100
LONGEST_SECONDS = 7 * 24 * 3600
SHORTEST_REPEAT_SECONDS = 30
SHORTEST_TIMEOUT_SECONDS = 60

Known = Callable[[Session, int, Sequence[str]], set[str]]
NAMED: dict[str, tuple[Known, str]] = {
    ENDPOINT: (rule_queries.endpoint_names, "POST /endpoints"),
    ROTATION: (partial(named.names, Rotation), "POST /rotations"),
}
"""What a target may name instead of an address, who knows the names, and where one is made."""


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell, so many seconds after the step before."""

    wait_seconds: int
    notify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A policy as somebody wants it."""

    name: str
    steps: tuple[Step, ...]
    repeat: int = 0
    repeat_wait_seconds: int = 300
    acknowledge_timeout_seconds: int | None = None
    default_for: tuple[str, ...] = ()
    tells_end: bool = True


def create(uow: UnitOfWork, client_id: int, written: Written) -> EscalationPolicy:
    """Store a new policy."""
    try:
        return POLICIES.store(uow, client_id, _checked(uow, client_id, written))
    except TakenError:
        raise _is_taken(uow, client_id, written) from None


def change(uow: UnitOfWork, client_id: int, name: str, written: Written, *, version: int) -> EscalationPolicy:
    """Put `written` in the place of a policy that still has `version`; tickets under way keep their copy."""
    found = POLICIES.get(uow, name, client_id=client_id)
    if written.name != found.name:
        _refuse_if_named(uow, found)
    try:
        return POLICIES.replace(uow, found, _checked(uow, client_id, written), version=version)
    except TakenError:
        raise _is_taken(uow, client_id, written) from None


def put(uow: UnitOfWork, client_id: int, written: Written) -> EscalationPolicy:
    """Store a policy, new or in the place of the one of its name."""
    values = _checked(uow, client_id, written)
    return POLICIES.put(uow, client_id, written.name, values, lambda: _is_taken(uow, client_id, written))


def delete(uow: UnitOfWork, client_id: int, name: str, *, force: bool = False) -> None:
    """Remove a policy; while enabled rules bind it, only by force. Tickets under way keep their copy."""
    found = POLICIES.get(uow, name, client_id=client_id)
    if not force:
        _refuse_if_named(uow, found)
    named.delete(EscalationPolicy, uow.session, found.id)


def _checked(uow: UnitOfWork, client_id: int, written: Written) -> dict[str, Any]:
    """The columns of a policy, or what is wrong with it."""
    _check_bounds(written)
    steps = [_in_one_spelling(step, number) for number, step in enumerate(written.steps)]
    _check_names(uow, client_id, steps)
    return {
        "name": checked(written.name),
        "steps": [{"wait_seconds": step.wait_seconds, "notify": list(step.notify)} for step in steps],
        "repeat": written.repeat,
        "repeat_wait_seconds": written.repeat_wait_seconds,
        "acknowledge_timeout_seconds": written.acknowledge_timeout_seconds,
        "default_for": sorted(set(written.default_for)),
        "tells_end": written.tells_end,
    }


def _check_bounds(written: Written) -> None:
    """Refuse what is too much, or too soon."""
    bounds: list[tuple[str, int | None, int, int]] = [
        ("steps", len(written.steps), 1, MOST_STEPS),
        ("repeat", written.repeat, 0, MOST_REPEATS),
        ("repeat_wait_seconds", written.repeat_wait_seconds, SHORTEST_REPEAT_SECONDS, LONGEST_SECONDS),
        ("acknowledge_timeout_seconds", written.acknowledge_timeout_seconds, SHORTEST_TIMEOUT_SECONDS, LONGEST_SECONDS),
    ]
    for number, step in enumerate(written.steps):
        bounds.append((f"steps.{number}.wait_seconds", step.wait_seconds, 0, LONGEST_SECONDS))
        bounds.append((f"steps.{number}.notify", len(step.notify), 1, MOST_TARGETS))
    errors = [
        FieldError(field, value, "is out of bounds", f"from {low} to {high} are possible")
        for field, value, low, high in bounds
        if value is not None and not low <= value <= high
    ]
    if errors:
        raise InvalidInputError(*errors)


def _in_one_spelling(step: Step, number: int) -> Step:
    targets = [_target(text, f"steps.{number}.notify.{place}") for place, text in enumerate(step.notify)]
    return replace(step, notify=tuple(dict.fromkeys(targets)))


def _target(text: str, field: str) -> str:
    kind, colon, rest = (part.strip() for part in text.partition(":"))
    if not (colon and kind and rest):
        remedy = 'write "endpoint:ann", "rotation:primary", or channel and address: "sms:+14155552671"'
        raise InvalidInputError(FieldError(field, text, "is no target", remedy))
    if kind.lower() in NAMED:
        return f"{kind.lower()}:{rest}"
    try:
        return f"{kind.lower()}:{normalise(kind.lower(), rest)}"
    except InvalidInputError as error:
        raise InvalidInputError(FieldError(field, text, error.errors[0].message, error.errors[0].remedy)) from None


def _check_names(uow: UnitOfWork, client_id: int, steps: Sequence[Step]) -> None:
    errors = []
    for kind, (known, address) in NAMED.items():
        asked = {name for _, _, name in _named(steps, kind)}
        missing = asked - known(uow.session, client_id, sorted(asked)) if asked else set()
        errors += [
            FieldError(f"steps.{number}.notify.{place}", f"{kind}:{name}", f"there is no {kind} {name!r}", remedy)
            for number, place, name in _named(steps, kind)
            if name in missing
            for remedy in [f"make it first, with {address}"]
        ]
    if errors:
        raise InvalidInputError(*errors)


def _named(steps: Sequence[Step], kind: str) -> Iterable[tuple[int, int, str]]:
    """Where the steps name something of a kind: the step's place, the target's, and the name."""
    for number, step in enumerate(steps):
        for place, target in enumerate(step.notify):
            its_kind, _, name = target.partition(":")
            if its_kind == kind:
                yield number, place, name


def _refuse_if_named(uow: UnitOfWork, found: EscalationPolicy) -> None:
    rules = queries.rules_naming(uow.session, found.client_id, found.name)
    if rules:
        raise ConflictError(
            f'escalation policy "{found.name}" is bound by the rules {", ".join(rules)}; change or disable them first, '
            "or remove it with ?force=true: then their tickets take the default of their severity, if there is one"
        )


def _is_taken(uow: UnitOfWork, client_id: int, written: Written) -> ConflictError:
    """Which of two rules was broken: the name is another's, or a severity has its default."""
    others = [each for each in queries.of_clients(uow.session, [client_id]) if each.name != written.name]
    for other in others:
        for severity in set(other.default_for) & set(written.default_for):
            return ConflictError(
                f'escalation policy "{other.name}" is the default for {severity} already; take it from there first'
            )
    return ConflictError(
        f'there is an escalation policy "{written.name}" already; PUT /escalation-policies/{written.name} changes it'
    )
