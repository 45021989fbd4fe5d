"""The rules as this process knows them: loaded once, then kept up to date by the log of changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from sentinel.imports import loading, search_rarely
from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.queries import matching
from sentinel.queries.matching import PendingEvent, StoredRule
from sentinel.rules.rulebook import RuleBook
from sentinel.rules.rulings import is_stateful
from sentinel.rules.serialise import load
from sentinel.rules.syntax import RuleSyntax

log = get_logger(__name__)

FEW = 1000
"""Changes that are always applied one by one; of more, up to half of what is known."""


@dataclass(frozen=True, slots=True)
class LiveRule:
    """An enabled rule. `is_stateful`: more than the event decides whether it fires."""

    id: int
    client_id: int
    name: str
    version: int
    syntax: RuleSyntax
    is_stateful: bool = False

    @property
    def holds(self) -> bool:
        """Whether it must also hear of the events that do not match it: its clock starts again."""
        options = self.syntax.options
        return options.hold_seconds is not None or options.keep_seconds is not None


class LiveRules:
    """A rule book that is asked for its freshness at the start of every batch.

    The question costs one look at the end of an index and needs no Redis, so a rule that was committed before an event
    is always heard, and no announcement can get lost.
    """

    def __init__(self) -> None:
        self._book = RuleBook()
        self._rules: dict[int, LiveRule] = {}
        self._holding: dict[int, set[int]] = defaultdict(set)
        self._shared: dict[Any, Any] = {}
        self._seen = 0
        self._is_loaded = False

    def __len__(self) -> int:
        return len(self._rules)

    def refresh(self, session: Session) -> None:
        """Bring the book up to the last committed change."""
        oldest, newest = matching.changes(session)
        if self._is_loaded and newest == self._seen:
            return
        # Numbers that are gone were pruned, or the database is another one.
        if not self._is_loaded or newest < self._seen or oldest > self._seen + 1 or self._is_much(newest):
            self._load(session)
        else:
            for stored in matching.changed_rules(session, seen=self._seen, newest=newest):
                self._apply(stored)
        self._seen = newest

    def match(self, event: PendingEvent) -> list[LiveRule]:
        """The rules whose conditions on this one event hold: of its client, or of every client for a broadcast."""
        found = (
            self._book.match_all(event.body) if event.is_broadcast else self._book.match(event.body, event.client_id)
        )
        return [self._rules[rule_id] for rule_id in found]  # type: ignore[index] # a book takes ids of any kind

    def holding(self, event: PendingEvent) -> Iterator[LiveRule]:
        """The rules with a clock that this event may concern."""
        clients = list(self._holding) if event.is_broadcast else [event.client_id]
        return (self._rules[each] for client in clients for each in self._holding.get(client, ()))

    def get(self, rule_id: int) -> LiveRule | None:
        """The rule of this id, if it is enabled."""
        return self._rules.get(rule_id)

    def _is_much(self, newest: int) -> bool:
        return newest - self._seen > max(FEW, len(self._rules) // 2)

    def _load(self, session: Session) -> None:
        """Make the book of all rules. They are no garbage ever after, and neither is what a batch makes of them."""
        with loading():
            self._shared = {}
            rules = (self._live(stored) for stored in matching.all_rules(session))
            self._rules = {rule.id: rule for rule in rules if rule is not None}
            self._holding = defaultdict(set)
            for rule in self._rules.values():
                self._note_holding(rule)
            self._book = RuleBook((rule.id, rule.client_id, rule.syntax.condition) for rule in self._rules.values())
            self._is_loaded = True
        search_rarely()
        log.info("rules_loaded", rules=len(self._rules))

    def _apply(self, stored: StoredRule) -> None:
        known = self._rules.pop(stored.id, None)
        if known is not None:
            self._holding[known.client_id].discard(known.id)
        rule = self._live(stored)
        if rule is None:
            self._book.discard(stored.id)
            return
        self._rules[rule.id] = rule
        self._note_holding(rule)
        self._book.put(rule.id, rule.client_id, rule.syntax.condition)

    def _live(self, stored: StoredRule) -> LiveRule | None:
        if stored.syntax is None:
            return None
        syntax = load(stored.syntax, self._shared)
        return LiveRule(stored.id, stored.client_id, stored.name, stored.version, syntax, is_stateful(syntax))

    def _note_holding(self, rule: LiveRule) -> None:
        if rule.holds:
            self._holding[rule.client_id].add(rule.id)


@Once
def get_live_rules() -> LiveRules:
    """Return the rules of this process, made on first use after the fork."""
    return LiveRules()
