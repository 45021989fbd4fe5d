"""The audit trail: who did what through the console, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentinel.logs import get_logger
from sentinel.models import Action
from sentinel.queries import actions
from sentinel.queries.actions import Wanted
from sentinel.services.unit_of_work import UnitOfWork

log = get_logger(__name__)

__all__ = ["Actor", "Wanted", "latest", "note"]

LONGEST_SUBJECT = Action.subject.type.length or 0


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, as the trail knows one for ever: by names, for users and roles change."""

    actor: str
    role: str
    origin: str


def note(
    uow: UnitOfWork, actor: Actor, action: str, subject: str, *, client: str | None, detail: dict[str, Any]
) -> None:
    """Write down that `actor` did `action` (`resource.verb`) to `subject`: kept if and only if it is done.

    `detail` is JSON, and holds neither secrets nor the texts of messages: the trail outlives them.
    """
    subject = subject[:LONGEST_SUBJECT]
    values = {"at": uow.now, "action": action, "subject": subject, "client": client, "detail": detail}
    actions.add(uow.session, values | asdict(actor))
    uow.after_commit(lambda: log.info("console_action", action=action, user=actor.actor, subject=subject))


def latest(uow: UnitOfWork, wanted: Wanted, *, before: int | None, most: int) -> tuple[Sequence[Action], int | None]:
    """Return a page of the trail, the newest first, and where the next one begins (None: this is the last)."""
    found = actions.latest(uow.session, wanted, before=before, most=most + 1)
    return found[:most], found[most - 1].id if len(found) > most else None
