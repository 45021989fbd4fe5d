"""Settings: typed, named in errors, secrets never shown, contradictions refused at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings, is_loopback, load_settings


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder that is also the state folder; no variable of the tests' servers."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SENTINEL_ENV", "staging", "SENTINEL_ENV: Input should be 'development' or 'production'"),
        ("SENTINEL_API_PORT", "http", "SENTINEL_API_PORT: Input should be a valid integer"),
        ("SENTINEL_API_PORT", "70000", "SENTINEL_API_PORT: Input should be less than or equal to 65535"),
        ("SENTINEL_MAX_ATTEMPTS", "0", "SENTINEL_MAX_ATTEMPTS: Input should be greater than or equal to 1"),
        ("SENTINEL_SWEEP_SECONDS", "0", "SENTINEL_SWEEP_SECONDS: Input should be greater than 0"),
        ("SENTINEL_SMS_PROVIDER", "carrier-pigeon", 'SENTINEL_SMS_PROVIDER: "carrier-pigeon" is not understood'),
        ("SENTINEL_LIMIT_STRATEGY", "leaky", "SENTINEL_LIMIT_STRATEGY: Input should be"),
        ("SENTINEL_OPEN_MODE", "perhaps", "SENTINEL_OPEN_MODE: Input should be a valid boolean"),
        ("PUBLIC_BASE_URL", "sentinel.example.com", "PUBLIC_BASE_URL: must start with https://"),
        ("PUBLIC_BASE_URL", "https://sentinel.example.com:https", "PUBLIC_BASE_URL: must be an address alone"),
        ("PUBLIC_BASE_URL", "https://sentinel.example.com/?a=b", "PUBLIC_BASE_URL: must be an address alone"),
        ("SENTINEL_TRACES", "perhaps", "SENTINEL_TRACES: Input should be a valid boolean"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "OTEL_EXPORTER_OTLP_ENDPOINT: must be an address like"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:pw@x:4318", "OTEL_EXPORTER_OTLP_ENDPOINT: must not hold a user"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://x", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be an address"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEY", "MFkwEwYHKoZI", "SENDGRID_WEBHOOK_PUBLIC_KEY: is not the verification key"),
        ("SENTINEL_RESEND_SECONDS", "60,soon", "SENTINEL_RESEND_SECONDS"),
        ("TWILIO_API_BASE_URL", "http://api.twilio.example", "TWILIO_API_BASE_URL: must start with https://"),
        ("SENDGRID_API_BASE_URL", "ftp://127.0.0.1", "SENDGRID_API_BASE_URL: must start with https://"),
        ("SMTP_SECURITY", "ssl", "SMTP_SECURITY: Input should be"),
        ("SMTP_PORT", "0", "SMTP_PORT: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    name: str, value: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(state_dir=folder)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nonsense", "SENTINEL_LIMITS"),
        ("[]x", "SENTINEL_LIMITS"),
        ('[{"scope": "recipient", "rate": "often"}]', 'rate "often" is not understood; write it like "30/minute"'),
        ('[{"scope": "everybody", "rate": "1/minute"}]', "SENTINEL_LIMITS"),
        ('[{"scope": "user", "rate": "1/minute", "abov": "drop"}]', "SENTINEL_LIMITS"),
    ],
)
def test_a_bad_list_of_limits_is_refused(
    value: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_LIMITS", value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(state_dir=folder)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SENTINEL_READ_TIMEOUT_SECONDS": "20"}, "SENTINEL_SEND_DEADLINE_SECONDS (20 s) must be longer than"),
        ({"SENTINEL_LEASE_SECONDS": "40"}, "SENTINEL_LEASE_SECONDS (40 s) must be longer than twice"),
        ({"SENTINEL_TASK_TIME_LIMIT_SECONDS": "60"}, "SENTINEL_TASK_TIME_LIMIT_SECONDS (60 s) must be longer than"),
        ({"SENTINEL_VISIBILITY_TIMEOUT_SECONDS": "600"}, "SENTINEL_VISIBILITY_TIMEOUT_SECONDS (600 s) must be longer"),
        ({"SENTINEL_BROKER_WAIT_SECONDS": "600"}, "SENTINEL_VISIBILITY_TIMEOUT_SECONDS (900 s) must be longer than"),
        (
            {"BROKER_URL": "amqp://queue.example.com", "SENTINEL_TASK_TIME_LIMIT_SECONDS": "900"},
            "RabbitMQ's consumer_timeout (1800 s) must be longer than 2 * SENTINEL_TASK_TIME_LIMIT_SECONDS (1800 s)",
        ),
    ],
    ids=str,
)
def test_times_that_would_send_twice_are_refused(
    variables: dict[str, str], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(state_dir=folder)

    assert message in str(caught.value)


def test_waits_that_lie_in_rabbitmq_need_no_visibility_timeout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "amqp://queue.example.com")
    monkeypatch.setenv("SENTINEL_BROKER_WAIT_SECONDS", "600")

    assert load_settings(state_dir=folder).is_rabbitmq


def test_a_password_is_not_sent_in_clear_to_another_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_SECURITY", "none")
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    assert load_settings(state_dir=folder).smtp_security == "none"

    monkeypatch.setenv("SMTP_HOST", "mail.example.com")
    with pytest.raises(ConfigurationError, match="SMTP_SECURITY=none would send passwords in clear"):
        load_settings(state_dir=folder)


@pytest.mark.parametrize("url", ["", "mysql://root:geheim@127.0.0.1/x", "127.0.0.1:5432", "postgresql:x"])
def test_a_database_that_is_not_postgresql_is_refused_without_showing_the_password(url: str) -> None:
    settings = Settings(database_url=url)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match="DATABASE_URL must be a postgresql:// URL") as caught:
        _ = settings.sqlalchemy_url

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgresql_may_be_spelt_as_others_spell_it(scheme: str) -> None:
    settings = Settings(database_url=f"{scheme}://u:p@h:1/d?sslmode=require")  # type: ignore[arg-type]

    assert settings.sqlalchemy_url == "postgresql+psycopg2://u:p@h:1/d?sslmode=require"


def test_secrets_are_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["DATABASE_URL", "REDIS_URL", "BROKER_URL", "TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY", "SMTP_PASSWORD"]
    for name in [*names, "SENTINEL_FLOWER_BASIC_AUTH"]:
        monkeypatch.setenv(name, "geheim")

    settings = load_settings(state_dir=folder)

    assert "geheim" not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_a_refused_secret_is_not_shown_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_API_BASE_URL", "http://user:geheim@api.example.com")

    with pytest.raises(ConfigurationError) as caught:
        load_settings(state_dir=folder)

    assert "geheim" not in str(caught.value)


def test_the_environment_is_before_the_env_file_and_that_before_a_running_installation(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sentinel.env").write_text("SENTINEL_API_PORT=1\nSENTINEL_BATCH_SIZE=1\nREDIS_URL=redis://state/0\n")
    (folder / ".env").write_text("SENTINEL_API_PORT=2\nSENTINEL_BATCH_SIZE=2\n")
    monkeypatch.setenv("SENTINEL_API_PORT", "3")

    settings = load_settings(state_dir=folder)

    assert (settings.api_port, settings.batch_size) == (3, 2)
    assert settings.celery_broker_url == "redis://state/0"


def test_the_broker_is_redis_unless_another_is_named() -> None:
    redis, rabbit = "redis://127.0.0.1/0", "amqp://127.0.0.1//"

    assert Settings(redis_url=redis).celery_broker_url == redis  # type: ignore[arg-type]
    assert Settings(redis_url=redis, broker_url=rabbit).celery_broker_url == rabbit  # type: ignore[arg-type]


def test_what_happened_is_not_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().api_port = 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_this_machine_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io", "2130706433", "127.1"]
)
def test_other_machines_and_riddles_are_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("given", "is_open"),
    [
        ({}, True),
        ({"env": "production"}, False),
        ({"api_host": "0.0.0.0"}, False),
        ({"open_mode": False}, False),
        ({"env": "production", "open_mode": True}, True),
    ],
)
def test_open_mode_is_for_development_on_this_machine_unless_said_otherwise(
    given: dict[str, object],
    is_open: bool,  # noqa: FBT001
) -> None:
    assert Settings(**given).is_open is is_open  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("10.0.0.1/8", r'"10\.0\.0\.1/8" is not a network; write it like "10\.1\.0\.0/16"'),
        ("10.0.0.0/8, caddy", r'"caddy" is not a network; write it like'),
        ("0.0.0.0/0", r'"0\.0\.0\.0/0" is everybody, and everybody can forge; name the networks of your proxies alone'),
        ("10.0.0.0/8,::/0", r'"::/0" is everybody'),
    ],
)
def test_networks_of_proxies_that_are_none_are_refused_with_the_remedy(
    value: str, complaint: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_TRUSTED_PROXIES", value)

    with pytest.raises(ConfigurationError, match=rf"^SENTINEL_TRUSTED_PROXIES: {complaint}"):
        load_settings()


def test_open_mode_is_off_behind_a_proxy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_TRUSTED_PROXIES", "127.0.0.1, 2001:db8::/32")
    assert load_settings().is_open is False

    monkeypatch.setenv("SENTINEL_OPEN_MODE", "true")
    with pytest.raises(
        ConfigurationError, match=r"SENTINEL_OPEN_MODE is on, but SENTINEL_TRUSTED_PROXIES=127\.0\.0\.1/32,2"
    ):
        load_settings()


@pytest.mark.parametrize(
    "url", ["https://api.twilio.com/", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:8080"]
)
def test_a_providers_address_is_https_or_on_this_machine(url: str) -> None:
    assert Settings(twilio_api_base_url=url).twilio_api_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "http://127.0.0.1@api.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1#@example.com",
        "",
    ],
)
def test_a_disguised_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must start with https://"):
        Settings(twilio_api_base_url=url)


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, None),
        ({"SENTINEL_TRACES": "true"}, "http://localhost:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://x/otlp"}, "https://x/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://x/api/traces"}, "https://x/api/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "SENTINEL_TRACES": "false"}, None),
    ],
    ids=str,
)
def test_traces_go_where_the_variables_of_opentelemetry_say(
    variables: dict[str, str], endpoint: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert load_settings().traces_endpoint == endpoint


@pytest.mark.parametrize("parent", [None, "opentelemetry"], ids=["nothing is installed", "only a part is installed"])
def test_traces_without_the_extra_are_refused_with_its_name(
    parent: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_TRACES", "true")

    def find(name: str) -> None:
        if parent is None:
            raise ModuleNotFoundError(name)

    monkeypatch.setattr("sentinel.settings.find_spec", find)

    with pytest.raises(ConfigurationError, match=r"OpenTelemetry is not installed; install Sentinel .* \[otel\]"):
        load_settings()
