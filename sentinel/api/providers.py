"""`/providers`: the provider accounts, and their circuit breakers by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.provider import HoldRequest, ProviderQuery, ProviderView
from sentinel.channels.registry import PROVIDERS
from sentinel.logs import get_logger
from sentinel.services.access.clients import ADMIN
from sentinel.services.sending import breaker
from sentinel.services.sending.breaker import Account
from sentinel.services.unit_of_work import unit_of_work

log = get_logger(__name__)

NAME = {
    "in": "path",
    "name": "name",
    "schema": {"type": "string", "enum": list(PROVIDERS)},
    "description": "`name` of a provider account",
}

VIEW_NAMES = tuple(ProviderView().fields)

blueprint = StrictBlueprint(
    "providers", __name__, url_prefix="/providers", description="Provider accounts and their circuit breakers"
)
blueprint.before_request(require_credentials)


def view(account: Account) -> dict[str, Any]:
    """Show an account as `ProviderView` has it."""
    facts = {"name": account.name, "channels": account.channels, "parked": account.parked}
    return {name: value for name, value in (asdict(account.standing) | facts).items() if name in VIEW_NAMES}


@blueprint.route("")
class ProviderList(MethodView):
    """The configured accounts."""

    @blueprint.arguments(ProviderQuery(), location="query")
    @blueprint.response(200, ProviderView(many=True))
    @blueprint.refuses(401, 403, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List the provider accounts: which work, which rest and why, and how many messages wait."""
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            found = breaker.overview(uow)
        wanted = query.get("state")
        return json_response([view(account) for account in found if wanted in (None, account.standing.state)])


@blueprint.route("/<name>/resume", parameters=[NAME])
class ProviderResumption(MethodView):
    """An account that is used again."""

    @blueprint.response(200, ProviderView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, name: str) -> Response:
        """Use an account again, whatever stopped it; the messages that wait for it go out within seconds.

        409 if it was not stopped.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, ADMIN)
            found = breaker.resume(uow, name)
        log.warning("provider_account_resumed", provider=name, by=caller.label)
        return json_response(view(found))


@blueprint.route("/<name>/hold", parameters=[NAME])
class ProviderHold(MethodView):
    """An account that is left alone."""

    @blueprint.arguments(HoldRequest())
    @blueprint.response(200, ProviderView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any], name: str) -> Response:
        """Leave an account alone until it is resumed: its messages take another provider, or wait.

        409 if it is left alone already.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, ADMIN)
            found = breaker.hold(uow, name, reason=body.get("reason"))
        log.warning("provider_account_held", provider=name, by=caller.label)
        return json_response(view(found))
