"""Whether secrets in the database are sealed, and can be opened again."""

from __future__ import annotations

from sentinel.services.access import secrets
from sentinel.services.access.secrets import Standing
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching.diagnosis.findings import Finding, broken, ok, warning
from sentinel.settings import Settings, split_keys

SUBJECT = "secrets"


def check_sealing(uow: UnitOfWork, settings: Settings) -> Finding:
    """Every stored secret against the keys of this process."""
    return judged(secrets.check(uow), keys=len(split_keys(settings.secret_keys)))


def judged(standing: Standing, *, keys: int) -> Finding:
    """What the operator is to do about the secrets as they stand."""
    if standing.unreadable:
        message = f"{len(standing.unreadable)} cannot be opened, first that of {standing.unreadable[0]}"
        return broken(SUBJECT, message, "add their key to SENTINEL_SECRET_KEYS; `sentinel secrets check` lists them")
    if not keys:
        message = "there is no key: webhooks cannot be made, and nobody can log in to the console"
        return warning(SUBJECT, message, "set SENTINEL_SECRET_KEYS to one that `sentinel secrets new-key` prints")
    if standing.clear or standing.older:
        message = f"{standing.clear} are stored in clear, {standing.older} sealed with an older key"
        return warning(SUBJECT, message, "run `sentinel secrets rotate`")
    return ok(SUBJECT, f"{standing.fresh}, all sealed with the first of {keys} keys")
