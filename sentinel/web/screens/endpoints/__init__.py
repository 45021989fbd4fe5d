"""Endpoints: where messages go, how they fare there, and a message that tests it."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens.endpoints import editing, listing, one, trying

blueprint = Blueprint("endpoints", __name__, url_prefix="/console/endpoints")

blueprint.get("")(listing.index)
blueprint.get("/new")(editing.new)
blueprint.post("")(editing.create)
blueprint.get("/<int:endpoint_id>")(one.show)
blueprint.get("/<int:endpoint_id>/health")(one.health)
blueprint.get("/<int:endpoint_id>/edit")(editing.edit)
blueprint.post("/<int:endpoint_id>")(editing.change)
blueprint.post("/<int:endpoint_id>/switch")(one.switch)
blueprint.post("/<int:endpoint_id>/delete")(one.delete)
blueprint.post("/<int:endpoint_id>/rotate-secret")(one.rotate_secret)
blueprint.post("/<int:endpoint_id>/test")(trying.send_test)
blueprint.get("/<int:endpoint_id>/tests/<uuid:notification_id>")(trying.result)
