"""Every environment variable Sentinel reads, typed. Nothing else reads the environment."""

from __future__ import annotations

import base64
import ipaddress
import os
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import limits
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from sentinel.errors import ConfigurationError
from sentinel.rabbitmq import CONSUMER_TIMEOUT_SECONDS, is_rabbitmq

WRITE_MARGIN_SECONDS = 5
"""Kept back from a lease for writing results down."""

LimitScope = Literal["client", "user", "alert_user", "recipient", "endpoint", "target", "provider"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KEY_BYTES = 32


def is_loopback(host: str) -> bool:
    """True for `localhost` and addresses that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _provider_url(url: str) -> str:
    """Provider base URLs carry credentials: https, or plain http to this machine only (stand-ins)."""
    scheme, _, rest = url.partition("://")
    host = rest.rsplit("@", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    if scheme == "https" and host:
        return url.rstrip("/")
    if scheme == "http" and is_loopback(host):
        return url.rstrip("/")
    message = "must start with https:// (plain http:// is allowed for 127.0.0.1 and localhost only)"
    raise ValueError(message)


ProviderUrl = Annotated[str, AfterValidator(_provider_url)]


def _networks(value: Any) -> Any:
    """Networks as a variable has them: separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(_network(text) for each in value.split(",") if (text := each.strip()))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        message = f'"{text}" is not a network; write it like "10.1.0.0/16", several separated by commas'
        raise ValueError(message) from None


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


def _somebodys(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    """Networks whose word is believed: not the whole of the internet."""
    for each in networks:
        if not each.prefixlen:
            message = f'"{each}" is everybody, and everybody can forge; name the networks of your proxies alone'
            raise ValueError(message)
    return networks


TrustedNetworks = Annotated[Networks, AfterValidator(_somebodys)]


def _targets(value: Any) -> Any:
    """Targets as a variable has them: `channel:recipient`, separated by commas."""
    if not isinstance(value, str):
        return value
    found = tuple(each.strip() for each in value.split(",") if each.strip())
    for each in found:
        channel, colon, recipient = each.partition(":")
        if not (channel and colon and recipient):
            message = f'"{each}" is not a target; write it like "email:ops@example.com", several separated by commas'
            raise ValueError(message)
    return found


Targets = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_targets)]


def _in_order(*names: str) -> AfterValidator:
    """The choice of a channel's providers: `auto`, `none`, or names in the order in which they are tried."""

    def check(value: str) -> str:
        wishes = [wish.strip() for wish in value.split(",")]
        if wishes in (["auto"], ["none"]) or (set(wishes) <= set(names) and len(set(wishes)) == len(wishes)):
            return ",".join(wishes)
        message = f'"{value}" is not understood; write auto, none, or in order, with commas: {", ".join(names)}'
        raise ValueError(message)

    return AfterValidator(check)


def _keys(value: SecretStr) -> SecretStr:
    """Keys as Fernet has them: each 32 bytes in URL-safe base64. A wrong one is named by its place, never shown."""
    for place, key in enumerate(split_keys(value), start=1):
        if not _is_key(key):
            message = f"key {place} is not 32 bytes in URL-safe base64; make one with `sentinel secrets new-key`"
            raise ValueError(message)
    return value


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == KEY_BYTES
    except ValueError:
        return False


def split_keys(value: SecretStr) -> tuple[str, ...]:
    """The keys of SENTINEL_SECRET_KEYS in their order."""
    return tuple(key for each in value.get_secret_value().split(",") if (key := each.strip()))


SecretKeys = Annotated[SecretStr, AfterValidator(_keys)]


def split_addresses(value: SecretStr) -> tuple[str, ...]:
    """The URLs of a setting in their order."""
    return tuple(url for each in value.get_secret_value().split(",") if (url := each.strip()))


def _addresses(value: SecretStr) -> SecretStr:
    """URLs that are credentials themselves: a wrong one is named by its place, never shown."""
    for place, url in enumerate(split_addresses(value), start=1):
        if not url.startswith(("https://", "http://")) or not urlsplit(url).hostname:
            message = f'URL {place} must be like "https://hc-ping.com/…", several separated by commas'
            raise ValueError(message)
    return value


Addresses = Annotated[SecretStr, AfterValidator(_addresses)]


def _seconds(value: Any) -> Any:
    """Waits as a variable has them: separated by commas."""
    return tuple(each for each in value.split(",") if each.strip()) if isinstance(value, str) else value


Seconds = Annotated[tuple[Annotated[int, Field(ge=0, le=86_400)], ...], NoDecode, BeforeValidator(_seconds)]

EVENT_KEY_BYTES = 91
"""An elliptic curve key of 256 bits with its description (RFC 5480)."""


def _event_key(key: str) -> str:
    """SendGrid shows the key as one line of base64."""
    try:
        size = len(base64.b64decode(key, validate=True))
    except ValueError:
        size = 0
    if size != EVENT_KEY_BYTES:
        message = "is not the verification key that SendGrid shows under Signed Event Webhook (it begins with MFkw)"
        raise ValueError(message)
    return key


EventKey = Annotated[str, AfterValidator(_event_key)]


def _is_address(url: str) -> bool:
    """Whether other addresses can be made of it by adding to its path."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        return False


LOCAL_COLLECTOR = "http://localhost:4318"
"""Where OTLP over HTTP is spoken by default: https://opentelemetry.io/docs/specs/otel/protocol/exporter"""


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


def _env(*names: str) -> AliasChoices:
    """The names a variable may have; the first is the documented one."""
    return AliasChoices(*names)


def _known_rate(rate: str) -> str:
    try:
        limits.parse(rate)
    except ValueError:
        message = f'rate "{rate}" is not understood; write it like "30/minute" or "1000 per 2 hours"'
        raise ValueError(message) from None
    return rate


NO_RATE = "none"


def _known_api_rate(rates: str) -> str:
    if rates != NO_RATE:
        try:
            limits.parse_many(rates)
        except ValueError:
            message = f'"{rates}" is not understood; write it like "1000/second", several separated by ";", or "none"'
            raise ValueError(message) from None
    return rates


ApiRate = Annotated[str, AfterValidator(_known_api_rate)]


class Limit(BaseModel):
    """One rate limit: `rate` per `scope` (optionally of one channel) and what happens above it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: LimitScope
    rate: Annotated[str, AfterValidator(_known_rate)] = Field(
        description='as the `limits` library writes it, e.g. "30/minute"'
    )
    channel: str | None = Field(default=None, description="only this channel; none means every channel")
    above: Literal["drop", "defer", "digest"] = "defer"


DEFAULT_LIMITS = (
    Limit(scope="recipient", channel="sms", rate="30/minute", above="defer"),
    Limit(scope="recipient", channel="email", rate="30/minute", above="defer"),
    Limit(scope="alert_user", rate="5/minute", above="drop"),
    # Slack takes about one message a second for each of its channels: https://docs.slack.dev/apis/web-api/rate-limits
    Limit(scope="endpoint", channel="slack", rate="60/minute", above="defer"),
    # Telegram takes twenty messages a minute to the same group: https://core.telegram.org/bots/faq
    Limit(scope="endpoint", channel="push", rate="20/minute", above="defer"),
)


class Settings(BaseSettings):
    """Everything Sentinel reads from its environment, `.env`, or the state of a running `sentinel up`."""

    model_config = SettingsConfigDict(
        env_prefix="SENTINEL_", frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    env: Literal["development", "production"] = Field(
        default="development", description="`production` refuses the sandbox unless it is asked for by name"
    )
    state_dir: Path = Field(default=Path(".sentinel"), description="where `sentinel up` keeps its servers' data")
    database_url: SecretStr = Field(
        default=SecretStr(""), validation_alias=_env("DATABASE_URL"), description="PostgreSQL 15 or newer"
    )
    redis_url: SecretStr = Field(
        default=SecretStr(""), validation_alias=_env("REDIS_URL"), description="Redis 6.2 or newer, or Valkey"
    )
    broker_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_env("BROKER_URL"),
        description="Celery's broker: Redis, or RabbitMQ by `amqp://` or `amqps://`; none means REDIS_URL",
    )
    database_pool_size: int = Field(default=8, ge=1, le=100, description="connections one process keeps open")
    statement_timeout_seconds: int = Field(default=15, ge=1, description="no statement is longer")
    lock_timeout_seconds: int = Field(default=10, ge=1, description="no wait for a lock of the database is longer")
    idle_transaction_timeout_seconds: int = Field(
        default=60, ge=1, description="a transaction in which nothing is asked for this long is ended by the database"
    )
    database_connect_timeout_seconds: int = Field(
        default=5, ge=1, description="each wait for the database server while connecting"
    )
    database_silence_seconds: int = Field(
        default=5,
        ge=1,
        description="a server that has not answered so long after the statement timeout is taken for gone",
    )
    prepared_statements: bool = Field(
        default=True,
        description="frequent statements are planned once per connection; "
        "`false` behind a pooler in transaction mode (PgBouncer)",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="lines for people or for machines")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="what is logged")
    traces: bool | None = Field(
        default=None,
        description="record traces by OpenTelemetry; none means: if OTEL_EXPORTER_OTLP_ENDPOINT is set",
    )
    otlp_endpoint: str = Field(
        default="",
        validation_alias=_env("OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="the collector of traces, by OTLP over HTTP; none means http://localhost:4318",
    )
    otlp_traces_endpoint: str = Field(
        default="",
        validation_alias=_env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        description="the same with its whole path, where that is not /v1/traces",
    )
    secret_keys: SecretKeys = Field(
        default=SecretStr(""),
        description="keys of `sentinel secrets new-key`, separated by commas, that seal secrets in the database and "
        "sign the console's sessions: the first one seals, all of them open",
    )

    # --- API -----------------------------------------------------------------------------------------------------
    api_host: str = Field(default="127.0.0.1", description="address the API binds to")
    api_port: int = Field(default=8000, ge=1, le=65535, description="port the API binds to")
    api_workers: int = Field(default=1, ge=1, le=64, description="API processes")
    api_threads: int = Field(default=16, ge=1, le=256, description="requests each API process works on at once")
    open_mode: bool | None = Field(
        default=None,
        description="answer requests without an API key as client `default`; "
        "none means: in development, while bound to loopback and behind no proxy",
    )
    public_base_url: str = Field(
        default="", validation_alias=_env("PUBLIC_BASE_URL"), description="how the outside reaches the API"
    )
    trusted_proxies: TrustedNetworks = Field(
        default=(),
        description="networks of the reverse proxies in front of the API, separated by commas; only they are believed "
        "who asked (X-Forwarded-For, -Proto, -Host)",
    )
    callback_tolerance_seconds: int = Field(
        default=600, ge=1, description="how old a signed report of SendGrid may be, or how far in the future"
    )
    max_body_bytes: int = Field(default=262_144, description="largest request body")
    max_batch_body_bytes: int = Field(default=8_388_608, description="largest body of a batch request")
    max_batch_items: int = Field(default=1000, ge=1, le=10_000, description="most items in one batch request")
    api_rate: ApiRate = Field(
        default="1000/second",
        description='requests of one API key, or of one address without a key; several separated by ";", or `none`',
    )
    api_failure_rate: ApiRate = Field(
        default="30/minute",
        description="different wrong API keys that one address may show; keys that worked are not held up; or `none`",
    )
    sns_base_url: ProviderUrl | None = Field(
        default=None,
        description="where certificates and confirmations of Amazon SNS lie instead of at Amazon's own hosts, "
        "for rehearsals and private clouds",
    )
    idempotency_seconds: int = Field(default=86_400, description="how long an Idempotency-Key is remembered")
    flower_host: str = Field(default="127.0.0.1", description="address Flower binds to")
    flower_port: int = Field(default=5555, ge=1, le=65535, description="port Flower binds to")
    flower_basic_auth: SecretStr | None = Field(
        default=None, description="user:password; Flower is refused beyond loopback without it"
    )
    flower_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="where the console reaches Flower, to show it behind its own login; "
        "unset: at SENTINEL_FLOWER_HOST and SENTINEL_FLOWER_PORT",
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="whoever sends it as a bearer token may read /metrics; none: a key with scope admin"
    )
    metrics_by_client: bool = Field(default=False, description="show some counters for each client")
    session_seconds: int = Field(default=43_200, ge=60, description="a login to the console ends after this long")
    session_idle_seconds: int = Field(
        default=3_600, ge=60, description="a login to the console ends when nobody uses it for this long"
    )

    ticket_link_seconds: int = Field(
        default=86_400, ge=300, le=2_592_000, description="how long the link in a message of an escalation acts"
    )

    # --- Pipeline ------------------------------------------------------------------------------------------------
    batch_size: int = Field(default=500, ge=1, le=5000, description="most ids in one chain")
    gather_ms: int = Field(
        default=1000, ge=1, le=60_000, description="longest time a part-filled chain waits for the one before it"
    )
    sweep_seconds: float = Field(default=2.0, gt=0, description="how often the sweepers look")
    hint_seconds: int = Field(
        default=10, ge=1, description="how long a queue message may take before the row is queued again"
    )
    dedupe_seconds: int = Field(default=86_400, ge=1, description="how long a dedupe_key holds back its repetitions")
    limits: tuple[Limit, ...] = Field(default=DEFAULT_LIMITS, description="JSON list of rate limits")
    limit_strategy: Literal["fixed-window", "moving-window", "sliding-window-counter"] = Field(
        default="moving-window", description="how the `limits` library counts"
    )
    limiter_down: Literal["open", "closed"] = Field(
        default="open", description="Redis down during a check: let through, or hold until it is back"
    )
    visibility_timeout_seconds: int = Field(
        default=900, description="when the broker gives an unacknowledged message to another worker"
    )
    task_time_limit_seconds: int = Field(default=180, description="a task is killed after this long")
    retention_days: int = Field(default=90, ge=1, description="finished notifications are deleted after this long")
    action_retention_days: int = Field(
        default=365, ge=1, description="what people did in the console is forgotten after this long"
    )

    self_test_seconds: int = Field(
        default=0,
        ge=0,
        le=1800,
        description="how often an event of our own must go the whole way, to an inbox; 0 means never",
    )
    self_test_deadline_seconds: int = Field(
        default=60, ge=1, le=900, description="a self-test that takes longer has failed"
    )
    dead_man_urls: Addresses = Field(
        default=SecretStr(""),
        description="called after each self-test that has passed, separated by commas: services that sound an alarm "
        "when nothing comes",
    )

    # --- Load tests ----------------------------------------------------------------------------------------------
    load_tests: bool | None = Field(
        default=None, description="whether load tests may be begun on the console; none means: not in production"
    )
    load_test_url: str = Field(
        default="", description="where load tests find the API; none means SENTINEL_API_HOST and SENTINEL_API_PORT"
    )
    load_test_max_rate: int = Field(default=1000, ge=1, le=100_000, description="most events a second of a load test")
    load_test_max_events: int = Field(default=100_000, ge=1, le=10_000_000, description="most events of one load test")
    load_tests_at_once: int = Field(default=1, ge=1, le=16, description="load tests that run at once; others wait")

    # --- Rules ---------------------------------------------------------------------------------------------------
    max_rules: int = Field(default=10_000, ge=1, le=1_000_000, description="most rules of one client")
    alert_resolve_seconds: int = Field(
        default=300,
        ge=1,
        description="an alert that was reported without an end is resolved when it is silent for this long",
    )
    alert_forget_days: int = Field(
        default=7,
        ge=1,
        description="an alert that some event said fires is no longer taken to fire when nothing is heard of it for so "
        "long; those that Prometheus reports are, as long as it does",
    )

    # --- Delivery ------------------------------------------------------------------------------------------------
    sms_provider: Annotated[str, _in_order("twilio", "sandbox")] = Field(
        default="auto", description="who sends text messages; `auto` takes the one whose credentials are complete"
    )
    email_provider: Annotated[str, _in_order("sendgrid", "smtp", "sandbox")] = Field(
        default="auto",
        description="who sends mail, in the order in which they take over for each other (`smtp,sendgrid`); "
        "`auto` takes all whose credentials are complete, sendgrid first",
    )
    slack_provider: Literal["auto", "slack", "sandbox", "none"] = Field(
        default="auto", description="who posts to Slack; `auto` is `slack` in production or with a SLACK_BOT_TOKEN"
    )
    webhook_provider: Literal["auto", "webhook", "sandbox", "none"] = Field(
        default="auto", description="who calls webhooks; `auto` is `webhook` in production, else `sandbox`"
    )
    push_provider: Literal["auto", "apprise", "sandbox", "none"] = Field(
        default="auto",
        description="who pushes to Telegram, Discord, Teams, ntfy and the like; `auto` is `apprise` in production "
        "where sentinel[apprise] is installed, `sandbox` in development",
    )
    inbox_provider: Literal["inbox", "none"] = Field(
        default="inbox", description="messages kept for GET /notifications; `none` switches the channel off"
    )
    max_attempts: int = Field(default=6, ge=1, le=100, description="tries at a provider before FAILED")
    backoff_base_seconds: float = Field(default=2.0, gt=0, description="upper bound of the first wait (full jitter)")
    backoff_cap_seconds: float = Field(default=3600.0, gt=0, description="no wait is longer")
    broker_wait_seconds: int = Field(
        default=240, description="longer waits stay in the row and are queued by the sweeper"
    )
    ambiguous_policy: Literal["at_least_once", "at_most_once"] = Field(
        default="at_least_once", description="a send whose end is unknown: try again, or give up"
    )
    ambiguous_wait_seconds: int = Field(
        default=45,
        ge=0,
        description="wait before a send in doubt is asked about or decided; Twilio may finish 30 s late",
    )
    provider_pause_seconds: int = Field(
        default=60,
        ge=1,
        description="first pause of a provider account that refuses us; each failed probe doubles it, up to tenfold",
    )
    breaker_failure_rate: float = Field(
        default=0.5, gt=0, le=1, description="share of failed tries from which an account counts as broken"
    )
    breaker_tries: int = Field(default=20, ge=1, description="fewer tries than these say nothing about an account")
    breaker_window_seconds: float = Field(
        default=30.0, gt=0, description="so long a failed try counts against its account"
    )
    operator_targets: Targets = Field(
        default=(),
        description="who hears of trouble with Sentinel itself, in order, separated by commas: "
        "`slack:#ops,email:ops@example.com`; the first on another channel than the troubled one is told",
    )
    park_seconds: int = Field(default=86_400, description="longest time a message waits for a refused account")
    provider_concurrency: int = Field(default=64, ge=1, le=1000, description="sends in flight per provider account")
    endpoint_concurrency: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="sends in flight per webhook, Slack or push target, so that a slow one holds up no other",
    )
    receivers_concurrency: int = Field(
        default=1000,
        ge=1,
        le=20_000,
        description="sends in flight per worker process to all webhooks, Slack and push targets together; "
        "each holds a connection",
    )
    webhook_private_networks: Networks = Field(
        default=(),
        description="networks of your own that webhooks may reach, separated by commas; "
        "private, loopback and metadata addresses are refused otherwise",
    )
    connect_timeout_seconds: float = Field(default=3.0, gt=0, description="connecting to a provider")
    read_timeout_seconds: float = Field(default=10.0, gt=0, description="each wait for bytes of a provider")
    send_deadline_seconds: float = Field(default=20.0, gt=0, description="one send, everything included")
    lease_seconds: int = Field(default=60, ge=1, description="a claimed batch belongs to its worker this long")
    resend_seconds: Seconds = Field(
        default=(60, 600),
        description="waits before another send when a provider could not deliver an accepted message, "
        "separated by commas; as many sends at most",
    )
    resend_later_seconds: int = Field(
        default=1800,
        ge=1,
        description="the recipient could not be reached: one more send after this long to twice as long",
    )

    twilio_account_sid: str | None = Field(
        default=None, validation_alias=_env("TWILIO_ACCOUNT_SID"), description="starts with AC"
    )
    twilio_auth_token: SecretStr | None = Field(
        default=None, validation_alias=_env("TWILIO_AUTH_TOKEN"), description="the account's secret"
    )
    twilio_from_number: str | None = Field(
        default=None, validation_alias=_env("TWILIO_FROM_NUMBER"), description="sender, an E.164 number of the account"
    )
    twilio_messaging_service_sid: str | None = Field(
        default=None,
        validation_alias=_env("TWILIO_MESSAGING_SERVICE_SID"),
        description="starts with MG; instead of TWILIO_FROM_NUMBER",
    )
    twilio_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias=_env("TWILIO_WEBHOOK_SECRET"),
        description="secret of a shared key that signs Twilio's reports; none means TWILIO_AUTH_TOKEN",
    )
    twilio_api_base_url: ProviderUrl = Field(
        default="https://api.twilio.com",
        validation_alias=_env("TWILIO_API_BASE_URL"),
        description="another address, for rehearsals",
    )
    sendgrid_api_key: SecretStr | None = Field(
        default=None, validation_alias=_env("SENDGRID_API_KEY"), description="starts with SG."
    )
    sendgrid_from_email: str | None = Field(
        default=None, validation_alias=_env("SENDGRID_FROM_EMAIL"), description="sender, verified at SendGrid"
    )
    sendgrid_webhook_public_key: EventKey | None = Field(
        default=None,
        validation_alias=_env("SENDGRID_WEBHOOK_PUBLIC_KEY"),
        description="verification key of SendGrid's signed event webhook; none: its reports are refused",
    )
    sendgrid_api_base_url: ProviderUrl = Field(
        default="https://api.sendgrid.com",
        validation_alias=_env("SENDGRID_API_BASE_URL"),
        description="another address, for rehearsals",
    )
    slack_bot_token: SecretStr | None = Field(
        default=None,
        validation_alias=_env("SLACK_BOT_TOKEN"),
        description="starts with xoxb-; needed for channels and people, not for incoming webhooks",
    )
    slack_api_base_url: ProviderUrl = Field(
        default="https://slack.com/api",
        validation_alias=_env("SLACK_API_BASE_URL"),
        description="another address, for rehearsals",
    )
    smtp_host: str | None = Field(default=None, validation_alias=_env("SMTP_HOST"), description="mail server")
    smtp_port: int = Field(
        default=587,
        ge=1,
        le=65535,
        validation_alias=_env("SMTP_PORT"),
        description="usually 465 with SMTP_SECURITY=tls",
    )
    smtp_username: str | None = Field(
        default=None, validation_alias=_env("SMTP_USERNAME"), description="none means no login"
    )
    smtp_password: SecretStr | None = Field(
        default=None, validation_alias=_env("SMTP_PASSWORD"), description="goes with SMTP_USERNAME"
    )
    smtp_from_email: str | None = Field(default=None, validation_alias=_env("SMTP_FROM_EMAIL"), description="sender")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", validation_alias=_env("SMTP_SECURITY"), description="`none` is for loopback only"
    )

    @field_validator("public_base_url", "load_test_url")
    @classmethod
    def _base_url_without_slash(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            message = "must start with https:// (or http://)"
            raise ValueError(message)
        if url and not _is_address(url):
            message = "must be an address alone, with or without a port and a path"
            raise ValueError(message)
        return url.rstrip("/")

    @field_validator("otlp_endpoint", "otlp_traces_endpoint")
    @classmethod
    def _collector_is_an_address(cls, url: str) -> str:
        if url and not (url.startswith(("http://", "https://")) and _is_address(url)):
            message = (
                'must be an address like "http://localhost:4318" (OTLP over HTTP, whose port is 4318; not gRPC\'s)'
            )
            raise ValueError(message)
        if "@" in url.partition("://")[2].partition("/")[0]:
            # It is shown by `sentinel config show`; the error must not repeat it.
            raise ValueError("must not hold a user or password; a collector's key goes into OTEL_EXPORTER_OTLP_HEADERS")
        return url

    @model_validator(mode="after")
    def _traces_have_what_records_them(self) -> Self:
        if self.traces_endpoint is not None and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
            message = (
                "SENTINEL_TRACES or OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, but OpenTelemetry is not installed; "
                "install Sentinel with its extra [otel], or set SENTINEL_TRACES=false"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _signs_of_life_are_proven(self) -> Self:
        if self.dead_man_addresses and not self.self_test_seconds:
            message = (
                "SENTINEL_DEAD_MAN_URLS are called after self-tests that have passed, but SENTINEL_SELF_TEST_SECONDS "
                "is 0; set it, for example to 300"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _open_mode_stays_on_this_machine(self) -> Self:
        if self.open_mode and not is_loopback(self.api_host):
            message = (
                f"SENTINEL_OPEN_MODE is on, but SENTINEL_API_HOST={self.api_host} is reachable from other machines; "
                "turn open mode off and create an API key with `sentinel keys create`, or bind to 127.0.0.1"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _open_mode_has_no_proxy_in_front(self) -> Self:
        if self.open_mode and self.trusted_proxies:
            message = (
                f"SENTINEL_OPEN_MODE is on, but SENTINEL_TRUSTED_PROXIES={','.join(map(str, self.trusted_proxies))} "
                "brings requests from other machines; turn open mode off and create an API key with "
                "`sentinel keys create`, or trust no proxy"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _smtp_in_clear_stays_on_this_machine(self) -> Self:
        if self.smtp_host and self.smtp_security == "none" and not is_loopback(self.smtp_host):
            message = f"SMTP_SECURITY=none would send passwords in clear to {self.smtp_host}; use starttls or tls"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        """Refuse times that would send twice: each must outlast what happens inside it."""
        for shorter, longer, why in self.time_order:
            if not shorter[1] < longer[1]:
                message = f"{longer[0]} ({longer[1]:g} s) must be longer than {shorter[0]} ({shorter[1]:g} s): {why}"
                raise ValueError(message)
        return self

    @property
    def time_order(self) -> tuple[tuple[tuple[str, float], tuple[str, float], str], ...]:
        """Pairs (shorter, longer, why) of durations in seconds, checked at start and shown by `sentinel doctor`."""
        return (
            (
                ("SENTINEL_READ_TIMEOUT_SECONDS", self.read_timeout_seconds),
                ("SENTINEL_SEND_DEADLINE_SECONDS", self.send_deadline_seconds),
                "a send includes its reads",
            ),
            (
                (
                    f"SENTINEL_SEND_DEADLINE_SECONDS + {WRITE_MARGIN_SECONDS}",
                    self.send_deadline_seconds + WRITE_MARGIN_SECONDS,
                ),
                ("SENTINEL_LEASE_SECONDS", self.lease_seconds),
                "there must be time to begin a send, and to write it down before its lease ends",
            ),
            (
                ("twice SENTINEL_SEND_DEADLINE_SECONDS", 2 * self.send_deadline_seconds),
                ("SENTINEL_LEASE_SECONDS", self.lease_seconds),
                "a claimed message must be sent and written down before its lease ends",
            ),
            (
                ("SENTINEL_LEASE_SECONDS", self.lease_seconds),
                ("SENTINEL_TASK_TIME_LIMIT_SECONDS", self.task_time_limit_seconds),
                "a task works through several leases",
            ),
            self._held_messages,
        )

    @property
    def _held_messages(self) -> tuple[tuple[str, float], tuple[str, float], str]:
        """How long a worker may hold a message, and how long the broker lets it."""
        why = "the broker would hand a message to a second worker while the first still holds it"
        # Its turn behind one running task, then its own run.
        runs = 2 * self.task_time_limit_seconds
        if self.is_rabbitmq:  # waits lie in its own queues
            return (
                ("2 * SENTINEL_TASK_TIME_LIMIT_SECONDS", runs),
                ("RabbitMQ's consumer_timeout", CONSUMER_TIMEOUT_SECONDS),
                why,
            )
        return (
            ("SENTINEL_BROKER_WAIT_SECONDS + 2 * SENTINEL_TASK_TIME_LIMIT_SECONDS", self.broker_wait_seconds + runs),
            ("SENTINEL_VISIBILITY_TIMEOUT_SECONDS", self.visibility_timeout_seconds),
            why,
        )

    @property
    def traces_endpoint(self) -> str | None:
        """Where traces go; None: nowhere, they are off."""
        is_given = bool(self.otlp_endpoint or self.otlp_traces_endpoint)
        if not (is_given if self.traces is None else self.traces):
            return None
        return self.otlp_traces_endpoint or f"{(self.otlp_endpoint or LOCAL_COLLECTOR).rstrip('/')}/v1/traces"

    @property
    def dead_man_addresses(self) -> tuple[str, ...]:
        """The URLs of SENTINEL_DEAD_MAN_URLS."""
        return split_addresses(self.dead_man_urls)

    @cached_property
    def is_open(self) -> bool:
        """Whether requests without an API key are answered as client `default`."""
        if self.open_mode is None:
            return self.env == "development" and is_loopback(self.api_host) and not self.trusted_proxies
        return self.open_mode

    @property
    def may_load_test(self) -> bool:
        """Whether load tests may be begun."""
        return self.env != "production" if self.load_tests is None else self.load_tests

    @cached_property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL for SQLAlchemy: `postgresql://` means psycopg 3 there, Sentinel uses psycopg2."""
        url = self.database_url.get_secret_value()
        scheme, separator, rest = url.partition("://")
        if scheme in {"postgres", "postgresql", "postgresql+psycopg2"} and separator:
            return f"postgresql+psycopg2://{rest}"
        shown = f"{scheme}://…" if separator else "nothing"
        message = (
            f"DATABASE_URL must be a postgresql:// URL, found {shown}; "
            "`sentinel up` starts a private PostgreSQL when it is not set"
        )
        raise ConfigurationError(message)

    @cached_property
    def celery_broker_url(self) -> str:
        """BROKER_URL, or REDIS_URL when there is none."""
        return self.broker_url.get_secret_value() or self.redis_url.get_secret_value()

    @cached_property
    def is_rabbitmq(self) -> bool:
        """Whether the broker is RabbitMQ."""
        return is_rabbitmq(self.celery_broker_url)


LIMITS_EXAMPLE = '[{"scope": "recipient", "rate": "30/minute", "above": "defer"}]'


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, then `.env`, then what a running `sentinel up` wrote down.

    Raises `ConfigurationError` with the variable's name.
    """
    state_dir = Path(overrides.get("state_dir") or os.environ.get("SENTINEL_STATE_DIR", ".sentinel"))
    try:
        return Settings(_env_file=(state_dir / "sentinel.env", ".env"), **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        raise ConfigurationError("; ".join(_in_words(e) for e in error.errors())) from None
    except SettingsError:
        # JSON that cannot be read: of all settings only the limits are written in it.
        raise ConfigurationError(f"SENTINEL_LIMITS: must be a JSON list, for example {LIMITS_EXAMPLE}") from None


def _in_words(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "settings"
    variable = name.upper() if name.isupper() else f"SENTINEL_{name.upper()}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message if name == "settings" else f"{variable}: {message}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
