"""The suite itself: tests of one group run on one worker, for they share what is slow to start."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_the_group_of_a_test_is_known_to_whoever_hands_tests_out(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("nobody hands tests out: run with -n 2 --dist loadgroup")

    assert request.node.nodeid.endswith("@together")
