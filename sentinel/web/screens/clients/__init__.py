"""Clients: who sends, with which keys, and what holds for all that they send."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens.clients import delivery, integrating, keys, listing, one

blueprint = Blueprint("clients", __name__, url_prefix="/console/clients")

blueprint.get("")(listing.index)
blueprint.post("")(listing.create)
blueprint.get("/new")(listing.new)
blueprint.get("/<int:client_id>")(one.show)
blueprint.post("/<int:client_id>/rename")(one.rename)
blueprint.post("/<int:client_id>/switch")(one.switch)
blueprint.post("/<int:client_id>/delete")(one.delete)
blueprint.get("/<int:client_id>/keys", endpoint="keys")(keys.index)
blueprint.post("/<int:client_id>/keys", endpoint="make_key")(keys.make)
blueprint.post("/<int:client_id>/keys/<int:key_id>/revoke", endpoint="revoke_key")(keys.revoke)
blueprint.get("/<int:client_id>/delivery", endpoint="delivery")(delivery.index)
blueprint.post("/<int:client_id>/policies")(delivery.set_policies)
blueprint.post("/<int:client_id>/chain")(delivery.set_chain)
blueprint.post("/<int:client_id>/chain/remove")(delivery.unset_chain)
blueprint.get("/<int:client_id>/integrations", endpoint="integrations")(integrating.index)
blueprint.post("/<int:client_id>/integrations", endpoint="make_integration")(integrating.make)
blueprint.post("/<int:client_id>/integrations/<uuid:integration_id>/switch", endpoint="switch_integration")(
    integrating.switch
)
blueprint.post("/<int:client_id>/integrations/<uuid:integration_id>/delete", endpoint="delete_integration")(
    integrating.delete
)
