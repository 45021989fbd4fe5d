"""Asking a provider about sends in doubt: a few at once, each within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sentinel.channels.base import Finding, LooksUp, Question
from sentinel.logs import get_logger

log = get_logger(__name__)

AT_ONCE = 16
"""Questions under way: they must not take the connections of the sends."""

REFUSALS = frozenset({"http_401", "http_403", "http_429"})
"""Troubles of the account: every other question would meet the same."""


class Inquiry:
    """Questions on their way to one provider."""

    def __init__(self, provider: LooksUp, *, deadline_seconds: float) -> None:
        self._provider = provider
        self._deadline_seconds = deadline_seconds
        self._places = asyncio.Semaphore(AT_ONCE)
        self._refusal: Finding | None = None

    async def run(self, questions: Sequence[Question]) -> list[Finding]:
        """Ask all; the findings come in the order of the questions."""
        return await asyncio.gather(*(self._ask(question) for question in questions))

    async def _ask(self, question: Question) -> Finding:
        async with self._places:
            if self._refusal is not None:
                return self._refusal
            finding = await self._answer(question)
        if finding.trouble in REFUSALS:
            self._refusal = finding
        return finding

    async def _answer(self, question: Question) -> Finding:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._provider.look_up(question)
        except TimeoutError:
            return Finding(trouble="deadline_passed")
        except Exception:  # our own mistake must not end the other questions; the message stays in doubt
            log.exception("look_up_bug", provider=self._provider.name, notification_id=question.message.id)
            return Finding(trouble="bug")
