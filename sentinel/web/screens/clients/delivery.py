"""What holds for all that a client sends: sends in doubt, and where messages go that are not reached."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.services.access import clients
from sentinel.services.sending import chains, policies
from sentinel.services.sending.policies import POLICIES, POLICY_CHANNELS
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web import failover_rows
from sentinel.web.access import acting, acts
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import not_done, page, see_other

INHERITED = ""
"""What is chosen where nothing is to be set."""


def index(client_id: int) -> Response:
    """Show what holds for each channel."""
    return _shown(client_id)


@acts("admin")
def set_policies(client_id: int) -> Response:
    """Set what is done with sends in doubt, on each channel or as it is inherited."""
    wanted = {channel: request.form.get(f"policy-{channel}", INHERITED) for channel in POLICY_CHANNELS}
    for channel, policy in wanted.items():
        if policy not in (INHERITED, *POLICIES):
            remedy = f"use one of: {', '.join(POLICIES)}"
            raise InvalidInputError(FieldError(f"policy-{channel}", shown(policy), "is no policy", remedy))
    with unit_of_work() as uow:
        name = clients.get(uow, client_id).name
        changes = _changes(uow, client_id, wanted)
    if not changes:
        not_done("It is so already: nothing was changed.")
        return see_other("console.clients.delivery", client_id=client_id)
    told = {channel: policy or "inherited" for channel, policy in changes.items()}
    with acting("delivery_policy.set", f"client {client_id}", client=name, policies=told) as uow:
        _put(uow, client_id, changes)
    flash("Saved. It holds from the next decision on.")
    return see_other("console.clients.delivery", client_id=client_id)


@acts("admin")
def set_chain(client_id: int) -> Response:
    """Set the other targets of a channel."""
    channel, values = text("channel"), request.form.to_dict()
    with unit_of_work() as uow:
        name = clients.get(uow, client_id).name
    try:
        targets = tuple(failover_rows.targets_of(values))
        with acting(
            "failover_chain.set", f"client {client_id}", client=name, channel=channel, targets=len(targets)
        ) as uow:
            chains.put(uow, client_id, channel, targets)
    except InvalidInputError as error:
        errors = {failover_rows.FIELD: "; ".join(errors_of(error).values())}
        return _shown(client_id, channel=channel, values=values, errors=errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    flash(f"Saved for {channel}: it holds for messages that are accepted from now on.")
    return see_other("console.clients.delivery", client_id=client_id)


@acts("admin")
def unset_chain(client_id: int) -> Response:
    """Remove the chain of a channel."""
    channel = text("channel")
    with unit_of_work() as uow:
        name = clients.get(uow, client_id).name
    try:
        with acting("failover_chain.unset", f"client {client_id}", client=name, channel=channel) as uow:
            chains.unset(uow, client_id, channel)
    except NotFoundError:
        not_done(f"There was no chain for {channel}.")
    else:
        flash(f"Messages on {channel} have no other targets of the client's any more.")
    return see_other("console.clients.delivery", client_id=client_id)


def _changes(uow: UnitOfWork, client_id: int, wanted: Mapping[str, str]) -> dict[str, str]:
    """What differs from what is set now."""
    own = {
        each.channel: each.ambiguous_policy
        for each in policies.overview(uow, client_id)
        if each.set_by == ("client" if each.channel == policies.EVERY_CHANNEL else "channel")
    }
    return {channel: policy for channel, policy in wanted.items() if own.get(channel, INHERITED) != policy}


def _put(uow: UnitOfWork, client_id: int, changes: Mapping[str, str]) -> None:
    for channel, policy in changes.items():
        if policy:
            policies.put(uow, client_id, channel, policy)
        else:
            policies.unset(uow, client_id, channel)


def _shown(
    client_id: int,
    *,
    channel: str | None = None,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    with unit_of_work() as uow:
        client = clients.get(uow, client_id)
        holding = policies.overview(uow, client_id)
        found = {each.channel: each for each in chains.overview(uow, client_id)}
    channel = channel or request.args.get("chain") or CHANNELS[0]
    if values is None:
        values = failover_rows.values_of(found[channel].targets) if channel in found else {}
    return page(
        "console/clients/delivery.html",
        status,
        client=client,
        policies=holding,
        choices=[(each, each.replace("_", " ")) for each in POLICIES],
        chains=found,
        channels=CHANNELS,
        channel=channel,
        rows=failover_rows.rows_of(values),
        places=failover_rows.PLACES,
        errors=errors or {},
    )
