"""All rules of a worker, for events that only their own client's rules hear and for events that everybody's hear."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from threading import Lock
from typing import Any

from sentinel.rules.branches import RuleId
from sentinel.rules.index import RuleIndex
from sentinel.rules.syntax import Condition
from sentinel.rules.windows import split

ClientId = Hashable
NO_RULES = RuleIndex()


class RuleBook:
    """Rules by client, and all of them together; of conditions the part that one event answers.

    An installation has events of one kind or the other, so each index is built when it is first asked: that of a
    client, and the one over all rules. From then on it is kept up to date. Many threads may ask while one changes it.
    """

    __slots__ = ("_all", "_by_client", "_lock", "_own", "_rules")

    def __init__(self, rules: Iterable[tuple[RuleId, ClientId, Condition]] = ()) -> None:
        self._rules: dict[RuleId, tuple[ClientId, Condition]] = {}
        self._by_client: dict[ClientId, set[RuleId]] = {}
        self._own: dict[ClientId, RuleIndex] = {}
        self._all: RuleIndex | None = None
        self._lock = Lock()
        for rule_id, client, condition in rules:
            self._note(rule_id, client, split(condition).rest)

    def __len__(self) -> int:
        return len(self._rules)

    def put(self, rule_id: RuleId, client: ClientId, condition: Condition) -> None:
        """Add a rule, or replace the one of this id."""
        rest = split(condition).rest
        with self._lock:
            known = self._rules.get(rule_id)
            if known and known[0] != client:
                self._forget(rule_id)
            self._note(rule_id, client, rest)
            for index in self._indexes(client):
                index.put(rule_id, rest)

    def discard(self, rule_id: RuleId) -> None:
        """Take a rule out, if it is there."""
        with self._lock:
            if rule_id in self._rules:
                client = self._forget(rule_id)
                if self._all is not None:
                    self._all.discard(rule_id)
                if not self._by_client[client]:
                    del self._by_client[client]
                    self._own.pop(client, None)

    def match(self, event: Mapping[str, Any], client: ClientId) -> list[RuleId]:
        """The ids of the rules of `client` that `event` matches."""
        index = self._own.get(client)
        return (self._own_index(client) if index is None else index).match(event)

    def match_all(self, event: Mapping[str, Any]) -> list[RuleId]:
        """The ids of all clients' rules that `event` matches."""
        index = self._all
        return (self._index_of_all() if index is None else index).match(event)

    def _note(self, rule_id: RuleId, client: ClientId, rest: Condition) -> None:
        self._rules[rule_id] = (client, rest)
        self._by_client.setdefault(client, set()).add(rule_id)

    def _forget(self, rule_id: RuleId) -> ClientId:
        """Take a rule from its client; the index over all may still hold it."""
        client, _ = self._rules.pop(rule_id)
        self._by_client[client].discard(rule_id)
        if client in self._own:
            self._own[client].discard(rule_id)
        return client

    def _indexes(self, client: ClientId) -> list[RuleIndex]:
        """Those that are built and concern `client`."""
        return [index for index in (self._own.get(client), self._all) if index is not None]

    def _own_index(self, client: ClientId) -> RuleIndex:
        with self._lock:
            if client not in self._by_client:
                return NO_RULES
            if client not in self._own:
                self._own[client] = RuleIndex((each, self._rules[each][1]) for each in self._by_client[client])
            return self._own[client]

    def _index_of_all(self) -> RuleIndex:
        with self._lock:
            if self._all is None:
                self._all = RuleIndex((rule_id, rest) for rule_id, (_, rest) in self._rules.items())
            return self._all
