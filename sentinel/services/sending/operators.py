"""Operators hear of trouble with Sentinel itself by an ordinary notification of client `default`."""

from __future__ import annotations

from collections.abc import Collection

from sentinel.errors import InvalidInputError
from sentinel.logs import get_logger
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import clients
from sentinel.services import notifications
from sentinel.services.notifications import Request
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

log = get_logger(__name__)


def tell(uow: UnitOfWork, subject: str, body: str, *, avoiding: Collection[str] = ()) -> bool:
    """Tell the first of SENTINEL_OPERATOR_TARGETS that is on another channel than those `avoiding`.

    If all are on them, the first is told, and waits with the others. False when there is nobody to tell.
    """
    targets = [target.split(":", 1) for target in get_settings().operator_targets]
    owner = clients.caller_by_name(uow.session, DEFAULT_CLIENT)
    if not targets or owner is None:
        return False
    channel, recipient = next((each for each in targets if each[0] not in avoiding), targets[0])
    request = Request(channel=channel, recipient=recipient, subject=subject, body=body, metadata={"sentinel": True})
    try:
        checked = notifications.check(request, now=uow.now)
    except InvalidInputError as error:
        log.exception("operator_target_is_wrong", channel=channel, error=str(error))
        return False
    notifications.accept(uow, owner[0], [checked])
    return True
