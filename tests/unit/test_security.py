"""API keys and request hashes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.security import KEY_PREFIX, SHOWN, key_hash, new_api_key, request_hash


def test_a_key_has_its_prefix_and_256_random_bits() -> None:
    key = new_api_key()

    assert key.startswith(KEY_PREFIX)
    assert len(key) - len(KEY_PREFIX) == 43  # 32 bytes in base64 without padding


def test_no_two_keys_are_equal() -> None:
    assert len({new_api_key() for _ in range(1000)}) == 1000


def test_what_is_shown_of_a_key_leaves_enough_to_guess() -> None:
    assert 6 * (43 - (SHOWN - len(KEY_PREFIX))) > 200  # bits


def test_a_key_is_stored_as_its_sha_256() -> None:
    # The published test vector of SHA-256 for "abc".
    assert key_hash("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


parts = st.lists(st.binary(max_size=8), max_size=4)


@given(one=parts, other=parts)
def test_requests_are_the_same_only_if_all_their_parts_are(one: list[bytes], other: list[bytes]) -> None:
    assert (request_hash(*one) == request_hash(*other)) == (one == other)


@given(first=st.binary(min_size=1, max_size=8), second=st.binary(max_size=8))
def test_parts_cannot_run_into_one_another(first: bytes, second: bytes) -> None:
    assert request_hash(first, second) != request_hash(first[:-1], first[-1:] + second)
