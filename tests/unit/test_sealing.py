"""Secrets at rest: sealed with the first key, opened with any, never guessed at."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError, NoKeyError, UnreadableSecretError
from sentinel.sealing import derived_keys, is_sealed, is_sealed_freshly, new_secret_key, seal, unseal
from sentinel.services.access.secrets import Standing
from sentinel.services.watching.diagnosis.findings import Level
from sentinel.services.watching.diagnosis.sealing import judged
from sentinel.settings import get_settings, load_settings
from tests.conftest import SECRET_KEY

UseKeys = Callable[..., None]


@pytest.fixture
def use_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseKeys]:
    """The keys of this process from now on."""

    def use(*keys: str) -> None:
        monkeypatch.setenv("SENTINEL_SECRET_KEYS", ",".join(keys))
        get_settings.cache_clear()

    use(SECRET_KEY)
    yield use
    monkeypatch.undo()
    get_settings.cache_clear()


@given(secret=st.text(st.characters(exclude_categories=["Cs"]), max_size=200).filter(lambda text: not is_sealed(text)))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_sealed_is_opened_again_and_does_not_show(secret: str, use_keys: UseKeys) -> None:
    sealed = seal(secret)

    assert unseal(sealed) == secret
    assert is_sealed(sealed)
    assert len(secret) < 5 or secret not in sealed


def test_the_same_secret_is_sealed_differently_each_time(use_keys: UseKeys) -> None:
    assert seal("whsec_a") != seal("whsec_a")


def test_what_was_never_sealed_is_its_own_secret(use_keys: UseKeys) -> None:
    assert unseal("whsec_a") == "whsec_a"


def test_the_first_key_seals_and_all_of_them_open(use_keys: UseKeys) -> None:
    new = new_secret_key()
    old = seal("whsec_a")

    use_keys(new, SECRET_KEY)

    assert unseal(old) == "whsec_a"
    assert not is_sealed_freshly(old)
    assert is_sealed_freshly(seal("whsec_a"))
    use_keys(SECRET_KEY)
    assert is_sealed_freshly(old)


def test_another_key_opens_nothing(use_keys: UseKeys) -> None:
    sealed = seal("whsec_a")
    use_keys(new_secret_key())

    with pytest.raises(UnreadableSecretError, match="SENTINEL_SECRET_KEYS"):
        unseal(sealed)


@pytest.mark.parametrize("place", [10, 40, -6])  # of the last letters some bits mean nothing
def test_a_sealed_secret_that_was_tampered_with_is_refused(place: int, use_keys: UseKeys) -> None:
    sealed = seal("whsec_a")
    other = "A" if sealed[place] != "A" else "B"
    characters = list(sealed)
    characters[place] = other

    with pytest.raises(UnreadableSecretError):
        unseal("".join(characters))


def test_without_a_key_nothing_is_sealed_and_the_remedy_is_named(use_keys: UseKeys) -> None:
    use_keys()

    with pytest.raises(NoKeyError, match="sentinel secrets new-key"):
        seal("whsec_a")


@pytest.mark.parametrize("keys", ["short", f"{SECRET_KEY},swordfish", SECRET_KEY + "A", SECRET_KEY[:-2] + "!="])
def test_what_is_no_key_is_refused_at_start_and_not_repeated(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_SECRET_KEYS", keys)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"SENTINEL_SECRET_KEYS: key {1 + keys.count(',')} is not 32 bytes")
    assert keys.rsplit(",", maxsplit=1)[-1] not in str(caught.value)


def test_a_new_key_is_one_that_settings_take(use_keys: UseKeys) -> None:
    key = new_secret_key()
    use_keys(key)

    assert get_settings().secret_keys.get_secret_value() == key
    assert key not in repr(get_settings())


def test_keys_for_other_purposes_say_nothing_of_one_another(use_keys: UseKeys) -> None:
    use_keys(SECRET_KEY, new_secret_key())

    found = [*derived_keys("sessions"), *derived_keys("something else")]

    assert len(set(found)) == 4
    assert {len(key) for key in found} == {32}
    assert derived_keys("sessions") == found[:2]


def test_keys_for_other_purposes_are_those_that_the_library_derives(use_keys: UseKeys) -> None:
    use_keys(SECRET_KEY)
    key = base64.urlsafe_b64decode(SECRET_KEY)

    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sentinel sessions").derive(key)

    assert derived_keys("sessions") == [derived]


@pytest.mark.parametrize(
    ("standing", "keys", "level", "words"),
    [
        (Standing(fresh=2), 1, Level.OK, "2, all sealed"),
        (Standing(), 0, Level.WARNING, "nobody can log in"),
        (Standing(clear=1), 1, Level.WARNING, "1 are stored in clear"),
        (Standing(older=3), 2, Level.WARNING, "3 sealed with an older key"),
        (Standing(fresh=9, unreadable=["endpoint 7", "endpoint 8"]), 1, Level.BROKEN, "first that of endpoint 7"),
    ],
)
def test_the_doctor_says_how_secrets_stand(standing: Standing, keys: int, level: Level, words: str) -> None:
    finding = judged(standing, keys=keys)

    assert (finding.level, finding.subject) == (level, "secrets")
    assert words in finding.message
