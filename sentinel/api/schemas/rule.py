"""What rules look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import NumberedPageQuery, one_line, storable, text
from sentinel.models.event import EventStatus
from sentinel.models.status import Status
from sentinel.rules import limits
from sentinel.services.editing import LARGEST_ID
from sentinel.services.ruling.explaining import MOST_RULES, Fate
from sentinel.services.ruling.replay import LONGEST_HOURS, MOST_EVENTS
from sentinel.services.ruling.rule_texts import Shorthand
from sentinel.services.ruling.rules import LONGEST_NAME, Written

TEXT = 'when event.type == "order" and amount > 500 then notify("email:ops@example.com")'
SHORT = ("severity", "source")
MOST_TARGETS = 20


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
        validate=validate.Range(min=1, max=LARGEST_ID),
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
        validate=validate.Range(min=1, max=LARGEST_ID),
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


class RuleOrId(fields.Raw):
    """A rule in the rule language, or `{"id": …}` of a stored one."""

    def __init__(self, **options: Any) -> None:
        written = {"type": "string", "minLength": 1, "maxLength": limits.TEXT_CHARACTERS}
        identity = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
        stored = {"type": "object", "properties": {"id": identity}, "required": ["id"], "additionalProperties": False}
        metadata = {"oneOf": [written, stored], "example": TEXT, "remedy": 'send its text, or {"id": 7}'}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | int:
        del attr, data, kwargs
        if isinstance(value, str) and 0 < len(value) <= limits.TEXT_CHARACTERS:
            storable(value)
            return value
        if isinstance(value, dict) and set(value) == {"id"} and type(value["id"]) is int and value["id"] > 0:
            return int(value["id"])
        raise ma.ValidationError("Is neither the text of a rule nor the id of one.")


class TrialRequest(ma.Schema):
    """A rule, and an event to try it on."""

    rule = RuleOrId(required=True)
    event = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "example": {"type": "order", "amount": 750},
            "remedy": "send a JSON object, as POST /events takes it",
        },
    )


class FindingView(ma.Schema):
    """One condition as it was met."""

    text = fields.String(required=True)
    holds = fields.Boolean(required=True)
    value = fields.Raw(required=True, allow_none=True, metadata={"description": "what the event has there, shortened"})
    note = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(("missing", "type", "window")),
        metadata={"description": "why it could not be compared; `window`: needs other events, taken as true"},
    )
    parts = fields.List(fields.Nested("FindingView"), required=True)


class TicketPlanView(ma.Schema):
    """A ticket that would be opened."""

    severity = fields.String(required=True)
    title = fields.String(required=True)
    merge_key = fields.String(required=True, allow_none=True, metadata={"description": "events that share it join"})
    policy = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the escalation policy that the rule names; null: the default of its severity"},
    )


class HoldingGroupView(ma.Schema):
    """The group in which a message would wait for others."""

    scope = fields.String(required=True, metadata={"description": "whose terms it has: `rule` or `endpoint`"})
    labels = fields.Dict(required=True, metadata={"description": "what its events share, by their fields"})
    is_each = fields.Boolean(required=True, metadata={"description": "each alert is a group by itself"})
    wait_seconds = fields.Integer(required=True)


class MessageView(ma.Schema):
    """A message that would be sent."""

    channel = fields.String(required=True)
    recipient = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    endpoint_id = fields.Integer(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it would not be sent"})
    group = fields.Nested(
        HoldingGroupView, required=True, allow_none=True, metadata={"description": "null: it would go at once"}
    )


class TrialView(ma.Schema):
    """What came of a trial."""

    matched = fields.Boolean(required=True)
    failed = fields.Nested(
        FindingView, required=True, allow_none=True, metadata={"description": "the first condition that does not hold"}
    )
    findings = fields.List(fields.Nested(FindingView), required=True)
    needs = fields.List(
        fields.String(), required=True, metadata={"description": "what one event cannot answer, taken as given"}
    )
    severity = fields.String(required=True, allow_none=True)
    messages = fields.List(fields.Nested(MessageView), required=True)
    tickets = fields.List(fields.Nested(TicketPlanView), required=True)
    resolves = fields.List(
        fields.String(allow_none=True),
        required=True,
        metadata={"description": "merge keys of tickets that would be resolved; null: the event lacks a field of it"},
    )


class ReplayOptions(ma.Schema):
    """How far back, and over how many events at most."""

    hours = fields.Integer(
        load_default=24,
        strict=True,
        validate=validate.Range(min=1, max=LONGEST_HOURS),
        metadata={"example": 24, "remedy": f"use a number from 1 to {LONGEST_HOURS}"},
    )
    limit = fields.Integer(
        load_default=MOST_EVENTS,
        strict=True,
        validate=validate.Range(min=1, max=MOST_EVENTS),
        metadata={"example": MOST_EVENTS, "remedy": f"use a number from 1 to {MOST_EVENTS}"},
    )


class ReplayRequest(ReplayOptions):
    """A rule that need not be stored, and how far back."""

    rule = RuleOrId(required=True)


class HourView(ma.Schema):
    """An hour, from its beginning."""

    hour = fields.AwareDateTime(required=True)
    matched = fields.Integer(required=True)
    fired = fields.Integer(required=True)


class TargetCountView(ma.Schema):
    """How many messages a target would have had."""

    channel = fields.String(required=True)
    recipient = fields.String(required=True)
    count = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why none would have been sent"})
    groups = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "in how many groups they would have waited; null: each would have gone alone"},
    )


class ExampleView(ma.Schema):
    """An event at which the rule would have spoken."""

    event_id = fields.UUID(required=True)
    created_at = fields.AwareDateTime(required=True)
    event = fields.Dict(required=True)


class ReplayView(ma.Schema):
    """What came of a replay."""

    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True)
    events = fields.Integer(required=True, metadata={"description": "how many were looked at"})
    is_cut = fields.Boolean(required=True, metadata={"description": "there are older ones within the hours"})
    matched = fields.Integer(required=True, metadata={"description": "for how many the condition holds"})
    fired = fields.Integer(required=True, metadata={"description": "how often the rule would have spoken"})
    duplicates = fields.Integer(required=True, metadata={"description": "of these, held back by `dedupe`"})
    tickets = fields.Integer(required=True)
    targets = fields.List(fields.Nested(TargetCountView), required=True)
    hours = fields.List(fields.Nested(HourView), required=True)
    examples = fields.List(
        fields.Nested(ExampleView), required=True, metadata={"description": "the newest events at which it speaks"}
    )


class ExplainQuery(ma.Schema):
    """One rule, or how many."""

    class Meta:
        """Refuse unknown parameters."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    rule = fields.Integer(
        validate=validate.Range(min=1, max=LARGEST_ID),
        metadata={"description": "only this rule, by its id", "example": 7, "remedy": "send the `id` of a rule"},
    )
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(min=1, max=MOST_RULES),
        metadata={"example": 50, "remedy": f"use a number from 1 to {MOST_RULES}"},
    )


class RuleFateView(ma.Schema):
    """A rule, and what became of it."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(list(Fate)))
    has_changed = fields.Boolean(
        required=True, metadata={"description": "since the event came, so it may have been otherwise then"}
    )
    needs = fields.List(fields.String(), required=True)
    failed = fields.Nested(FindingView, required=True, allow_none=True)
    findings = fields.List(fields.Nested(FindingView), required=True)
    notifications = fields.List(
        fields.UUID(), required=True, metadata={"description": "what it asked for, by `id` in the list below"}
    )


class ToldView(ma.Schema):
    """A notification that came of the event."""

    id = fields.UUID(required=True)
    channel = fields.String(required=True)
    recipient = fields.String(
        required=True, allow_none=True, metadata={"description": "null without the scope notifications:read"}
    )
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))
    reason = fields.String(required=True, allow_none=True)


class ExplanationView(ma.Schema):
    """Why an event was told, or was not."""

    event_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(EventStatus)))
    considered = fields.Integer(required=True, metadata={"description": "how many rules, also those left out below"})
    rules = fields.List(fields.Nested(RuleFateView), required=True)
    notifications = fields.List(fields.Nested(ToldView), required=True)
