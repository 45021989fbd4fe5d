"""Matching: events meet the rules; notifications and tickets follow, together with the event's end, in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.ids import new_id
from sentinel.logs import get_logger
from sentinel.models.event import EventStatus
from sentinel.queries import matching, sweeping
from sentinel.queries.matching import PendingEvent
from sentinel.rule_state import RuleStateError, get_rule_state
from sentinel.rules.rulings import Due, HeldBack, Hit, Ruling, contradicts
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.matching import aftermath, fanout
from sentinel.services.matching.aftermath import Fresh, Outcome
from sentinel.services.matching.fanout import Plan, SpeakingRule
from sentinel.services.matching.surroundings import Surroundings, surroundings_of
from sentinel.services.ruling.live_rules import LiveRule, LiveRules, get_live_rules
from sentinel.services.sending import pipeline
from sentinel.services.unit_of_work import single_statements, unit_of_work

log = get_logger(__name__)

ROWS_AT_ONCE = 2000
"""About the most rows that one transaction writes: a fan-out of thousands must not hold locks for long."""


@dataclass(slots=True)
class Matched:
    """An event with the rules whose conditions hold, by what became of them."""

    event: PendingEvent
    fired: list[LiveRule] = field(default_factory=list)
    waiting: list[LiveRule] = field(default_factory=list)
    throttled: list[LiveRule] = field(default_factory=list)
    held_back: dict[int, HeldBack] = field(default_factory=dict)
    """What throttles held back before, of those rules that speak again."""
    is_broken: bool = False
    is_undecided: bool = False
    """Its windows could not be judged; it stays PENDING."""

    @property
    def rules(self) -> list[LiveRule]:
        """Every rule that matched."""
        return [*self.fired, *self.waiting, *self.throttled]


def match(ids: Sequence[str]) -> None:
    """Evaluate waiting events. Each ends MATCHED, UNMATCHED or FAILED; a second worker finds nothing left to do."""
    rules = get_live_rules()
    with single_statements() as uow:
        rules.refresh(uow.session)
        events = matching.pending_events(uow.session, ids)
        if not events:
            return
        found = [_ask(event, rules) for event in events]
        _decide_stateful(found, rules)
        decided = [each for each in found if not each.is_undecided]
        surroundings = surroundings_of(uow, *_concerned(decided))
    outcomes = [_outcome_surely(each, surroundings) for each in decided]
    for part in _parts(outcomes):
        for fresh in _write_surely(part, surroundings):
            _send_on(fresh)


def fire_due() -> int:
    """Let rules speak whose time has come without another event (`absent`, `for`); returns how many did."""
    rules, state = get_live_rules(), get_rule_state()
    with unit_of_work() as uow:
        rules.refresh(uow.session)
        # What a waiting event says may be just what a rule misses: clocks stand still at the oldest of them.
        decided_until = min(uow.now, matching.oldest_pending(uow.session) or uow.now)
    try:
        fallen = state.due(decided_until)
    except RuleStateError as error:
        log.warning("rule_state_away", error=str(error))  # it asks again in a second
        return 0
    count = 0
    for due in fallen:
        rule = rules.get(due.rule_id)
        if rule is not None and rule.version == due.version:
            count += _fire(due, rule)
        state.done(due)
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "fire_due", count, now=uow.now)
    return count


def _fire(due: Due, rule: LiveRule) -> bool:
    """Store what is due as an event of its own, with all that follows, in one commit; False if that was done before."""
    facts = {"rule_id": rule.id, "since": due.since, "group": due.group, "last_event_id": due.event_id}
    with unit_of_work() as uow:
        name = f"due:{rule.id}:{rule.version}:{blake2b(due.token.encode(), digest_size=16).hexdigest()}"
        row = {"id": new_id(uow.now), "client_id": rule.client_id, "event_id": name}
        event = matching.insert_due(uow.session, row, last=due.event_id, due=facts, now=uow.now)
        if event is None:
            return False
        matched = Matched(event, fired=[rule], held_back={rule.id: due.held_back} if due.held_back else {})
        surroundings = surroundings_of(uow, [rule], [event])
        outcome = replace(_outcome(matched, surroundings), is_news=False)
        fresh = aftermath.store(uow, [outcome], surroundings)
    _send_on(fresh)
    return True


def _concerned(found: Sequence[Matched]) -> tuple[list[LiveRule], list[PendingEvent]]:
    return [rule for each in found for rule in each.fired], [each.event for each in found]


def _ask(event: PendingEvent, rules: LiveRules) -> Matched:
    try:
        return Matched(event, fired=rules.match(event))
    except Exception:  # our own mistake must end one event, visibly, and not its whole batch
        log.exception("matching_bug", event_id=event.id)
        return Matched(event, is_broken=True)


def _decide_stateful(found: Sequence[Matched], rules: LiveRules) -> None:
    """Ask windows, clocks and throttles, by the time of the events; what does not fire moves out of `fired`."""
    in_time = sorted(found, key=lambda each: each.event.occurred_at)
    asked = [(each, rule, holds) for each in in_time for rule, holds in _stateful(each, rules)]
    if not asked:
        return
    try:
        rulings = get_rule_state().decide([_hit(each.event, rule, holds=holds) for each, rule, holds in asked])
    except RuleStateError as error:
        log.warning("rule_state_away", hits=len(asked), error=str(error))
        for each, _, holds in asked:
            each.is_undecided |= holds
        return
    for (each, rule, holds), ruled in zip(asked, rulings, strict=True):
        if holds and ruled.ruling is not Ruling.FIRES:
            each.fired.remove(rule)
            (each.throttled if ruled.ruling is Ruling.THROTTLED else each.waiting).append(rule)
        if ruled.held_back is not None:
            each.held_back[rule.id] = ruled.held_back


def _stateful(matched: Matched, rules: LiveRules) -> Iterator[tuple[LiveRule, bool]]:
    """The rules of an event that have a state, and whether it satisfies or contradicts them."""
    yield from ((rule, True) for rule in matched.fired if rule.is_stateful)
    yield from ((rule, False) for rule in _missed(matched, rules))


def _hit(event: PendingEvent, rule: LiveRule, *, holds: bool) -> Hit:
    return Hit(rule.id, rule.version, rule.syntax, event.id, event.body, event.occurred_at, holds)


def _missed(matched: Matched, rules: LiveRules) -> Iterator[LiveRule]:
    """The rules with a clock that the event contradicts: it has every field they ask for, and does not match."""
    ids = {rule.id for rule in matched.fired}
    for rule in rules.holding(matched.event):
        if rule.id not in ids and contradicts(rule.syntax, matched.event.body):
            yield rule


def _outcome_surely(matched: Matched, surroundings: Surroundings) -> Outcome:
    try:
        return _outcome(matched, surroundings)
    except Exception:  # as in _ask
        log.exception("matching_bug", event_id=matched.event.id)
        return _failed(matched.event)


def _failed(event: PendingEvent) -> Outcome:
    return Outcome(event, EventStatus.FAILED, "bug")


def _outcome(matched: Matched, surroundings: Surroundings) -> Outcome:
    if matched.is_broken:
        return _failed(matched.event)
    event = matched.event
    given = event.severity if event.severity in SEVERITIES else None
    plan = fanout.plan(event.body, matched.fired, surroundings.directory, now=surroundings.now, severity_given=given)
    if matched.held_back:
        fanout.note_held_back(plan, matched.held_back)
    if event.is_addressed and event.user_id is not None:
        plan.messages.extend(
            fanout.addressed(event.client_id, event.user_id, surroundings.directory, severity_given=given)
        )
    unheard: dict[str, Sequence[SpeakingRule]] = {
        "waiting": matched.waiting,
        "throttled": matched.throttled,
        "silenced": plan.silenced,
    }
    ids = {why: sorted(rule.id for rule in rules) for why, rules in unheard.items() if rules}
    if not matched.rules and not event.is_addressed:
        return Outcome(event, EventStatus.UNMATCHED)
    return Outcome(event, EventStatus.MATCHED, _reason(matched, plan), plan, ids)


def _reason(matched: Matched, plan: Plan) -> str | None:
    """Why a matched event led to no messages and no tickets; None when it did."""
    if plan.messages or plan.tickets:
        return None
    if plan.ends:
        return "resolves"
    if plan.spoken:
        return "suppressed"
    return "throttled" if matched.throttled else "waiting"


def _parts(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    """Outcomes in groups of about as many rows as one transaction should write."""
    part: list[Outcome] = []
    rows = 0
    for each in outcomes:
        part.append(each)
        rows += 1 + len(each.plan.messages) + len(each.plan.tickets) + len(each.plan.ends)
        if rows >= ROWS_AT_ONCE:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _write_surely(outcomes: Sequence[Outcome], surroundings: Surroundings) -> Iterator[Fresh]:
    """Write outcomes together; if that cannot be done, one by one, so that the one that cannot be written fails alone.

    A database that is away is nobody's fault: the events stay PENDING and come again.
    """
    try:
        yield _write(outcomes, surroundings)
    except (OperationalError, PoolTimeout):
        raise
    except Exception:
        log.exception("matching_bug", events=len(outcomes))
        if len(outcomes) == 1:
            yield _write([_failed(outcomes[0].event)], surroundings)
            return
        for each in outcomes:
            yield from _write_surely([each], surroundings)


def _write(outcomes: Sequence[Outcome], surroundings: Surroundings) -> Fresh:
    with unit_of_work() as uow:
        return aftermath.store(uow, outcomes, surroundings)


def _send_on(fresh: Fresh) -> None:
    """Take what was just written through the stages before delivery, here and now. docs/decisions/040 says why.

    What a crash leaves behind is queued by the sweeper, for the whole chain.
    """
    for channel, rows in fresh.items():
        with unit_of_work() as uow:
            uow.queue_first_try(channel, pipeline.admitted(uow, rows))
