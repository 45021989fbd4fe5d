"""What rules look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import NumberedPageQuery, one_line, storable, text
from sentinel.rules import limits
from sentinel.services.rule_texts import Shorthand
from sentinel.services.rules import LONGEST_NAME, Written

TEXT = 'when event.type == "order" and amount > 500 then notify("email:ops@example.com")'
SHORT = ("severity", "source")
MOST_TARGETS = 20
LARGEST_VERSION = 2**31 - 1


def rule_text(**options: Any) -> fields.String:
    """A rule in the rule language."""
    remedy = "write: when CONDITION then ACTION; see docs/reference/rule-language.md"
    return text(limits.TEXT_CHARACTERS, example=TEXT, remedy=remedy, **options)


class RuleRequest(ma.Schema):
    """A rule: `name` and `rule`; or `severity`, `source` and `name` of alerts, each `*` for any, that become one."""

    name = text(LONGEST_NAME, example="Big orders", validate=[one_line], required=True)
    rule = rule_text()
    severity = text(20, example="HIGH", remedy="use critical, high, medium or low, or * for any")
    source = text(LONGEST_NAME, example="api", remedy="the alert's source, or * for any", validate=[one_line])
    notify = fields.List(
        fields.String(validate=[validate.Length(min=1, max=1024), storable]),
        validate=validate.Length(min=1, max=MOST_TARGETS),
        metadata={
            "example": ["email:ops@example.com"],
            "remedy": 'list targets: "email:ops@example.com", "endpoint:on-call", "endpoint:*" for all endpoints',
        },
    )
    is_enabled = fields.Boolean(
        load_default=True, truthy={True}, falsy={False}, metadata={"example": True, "remedy": "use true or false"}
    )

    @ma.validates_schema
    def _one_form(self, data: dict[str, Any], **_: Any) -> None:
        """A text, or the short form, not both."""
        if "rule" in data:
            for name in (*SHORT, "notify"):
                if name in data:
                    raise ma.ValidationError({name: ["Belongs to the short form, which has no `rule`."]})
            return
        missing = [name for name in SHORT if name not in data]
        if len(missing) == len(SHORT) and "notify" not in data:
            raise ma.ValidationError({"rule": ["Missing data for required field."]})
        if missing:
            raise ma.ValidationError({name: ["Missing data for required field."] for name in missing})

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return written(data)


def written(data: dict[str, Any]) -> Written:
    """The rule that a request asks for."""
    if "rule" in data:
        return Written(data["name"], data["rule"], data["is_enabled"])
    targets = {"targets": tuple(data["notify"])} if "notify" in data else {}
    short = Shorthand(data["severity"], data["source"], data["name"], **targets)
    return Written(short.title, short, data["is_enabled"])


class RuleReplacement(RuleRequest):
    """What a rule is to be from now on, and the version that the writer has read."""

    version = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1, max=LARGEST_VERSION),
        metadata={"example": 1, "remedy": "send the `version` that GET /rules/{id} shows"},
    )

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return written(data), data["version"]


class RuleSwitch(ma.Schema):
    """Enable or disable a rule."""

    is_enabled = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"example": False, "remedy": "use true or false"}
    )
    version = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=LARGEST_VERSION),
        metadata={"example": 1, "remedy": "send the `version` that GET /rules/{id} shows, or leave it out"},
    )


class RuleTextRequest(ma.Schema):
    """A rule in the rule language."""

    rule = rule_text(required=True)


class RuleListQuery(NumberedPageQuery):
    """What `GET /rules` is narrowed to."""

    name = fields.String(validate=storable, metadata={"description": "exactly this name"})
    is_enabled = fields.Boolean(metadata={"example": True, "remedy": "use true or false"})
    q = fields.String(
        validate=[validate.Length(min=1, max=LONGEST_NAME), storable],
        metadata={"description": "part of the name or of the text, in any case", "example": "order"},
    )


class RuleView(ma.Schema):
    """A rule as it stands."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "grows by one with each change"})
    is_enabled = fields.Boolean(required=True)
    rule = fields.String(required=True, metadata={"description": "as it was written"})
    canonical = fields.String(required=True, metadata={"description": "as it is understood, on one line"})
    index = fields.String(
        required=True, metadata={"description": "how events find it", "example": "indexed on severity"}
    )
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class RuleVersionView(ma.Schema):
    """A change of a rule."""

    version = fields.Integer(required=True)
    change = fields.String(
        required=True, validate=validate.OneOf(("created", "changed", "enabled", "disabled", "deleted"))
    )
    name = fields.String(required=True)
    rule = fields.String(required=True)
    is_enabled = fields.Boolean(required=True)
    changed_by = fields.String(
        required=True, metadata={"description": "the prefix of an API key, `open mode`, or `operator`"}
    )
    changed_at = fields.AwareDateTime(required=True)


class RuleOpinion(ma.Schema):
    """A rule that could be stored: how it is understood, and what may surprise."""

    canonical = fields.String(required=True)
    index = fields.String(required=True)
    warnings = fields.List(fields.String(), required=True)


class PackAnswer(ma.Schema):
    """What became of a pack's rules."""

    installed = fields.List(fields.Nested(RuleView), required=True, metadata={"description": "new rules"})
    kept = fields.List(fields.String(), required=True, metadata={"description": "names that were there already"})
