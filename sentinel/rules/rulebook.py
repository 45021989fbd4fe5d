"""All rules of a worker: an index for each client, and one for the rules that hear every client's events."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from sentinel.rules.branches import RuleId
from sentinel.rules.index import RuleIndex
from sentinel.rules.syntax import Condition

ClientId = Hashable
NO_RULES = RuleIndex()


class RuleBook:
    """Rules by client, so that the rules of one client cost another nothing. Client None: shared by all."""

    __slots__ = ("_indexes", "_owners")

    def __init__(self, rules: Iterable[tuple[RuleId, ClientId | None, Condition]] = ()) -> None:
        by_client: dict[ClientId | None, list[tuple[RuleId, Condition]]] = {None: []}
        self._owners: dict[RuleId, ClientId | None] = {}
        for rule_id, client, condition in rules:
            by_client.setdefault(client, []).append((rule_id, condition))
            self._owners[rule_id] = client
        self._indexes = {client: RuleIndex(each) for client, each in by_client.items()}

    def __len__(self) -> int:
        return len(self._owners)

    def put(self, rule_id: RuleId, condition: Condition, *, client: ClientId | None = None) -> None:
        """Add a rule, or replace the one of this id."""
        if self._owners.get(rule_id, client) != client:
            self.discard(rule_id)
        self._owners[rule_id] = client
        if client not in self._indexes:
            self._indexes[client] = RuleIndex()
        self._indexes[client].put(rule_id, condition)

    def discard(self, rule_id: RuleId) -> None:
        """Take a rule out, if it is there."""
        if rule_id not in self._owners:
            return
        client = self._owners.pop(rule_id)
        index = self._indexes[client]
        index.discard(rule_id)
        if client is not None and not len(index):
            del self._indexes[client]

    def match(self, event: Mapping[str, Any], *, client: ClientId | None = None) -> list[RuleId]:
        """The ids of the shared rules that `event` matches, and of those of `client`."""
        found = self._indexes[None].match(event)
        return found if client is None else found + self._indexes.get(client, NO_RULES).match(event)
