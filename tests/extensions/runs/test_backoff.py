"""Waiting after a transient error: within the doubling span, never before the provider's Retry-After."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extensions.runs.backoff import run_backoff


@pytest.mark.rel("J11")
@given(
    attempts=st.integers(0, 2000),
    base_s=st.floats(0.1, 60),
    cap_s=st.floats(1, 3600),
    retry_after_s=st.none() | st.floats(0, 7200),
    seed=st.integers(0, 1000),
)
def test_wait_lies_in_the_span_and_never_before_retry_after(
    attempts: int, base_s: float, cap_s: float, retry_after_s: float | None, seed: int
) -> None:
    wait_s = run_backoff(attempts=attempts, base_s=base_s, cap_s=cap_s, retry_after_s=retry_after_s, rng=Random(seed))
    assert (retry_after_s or 0) <= wait_s <= max(cap_s, retry_after_s or 0)


@pytest.mark.rel("J11")
def test_the_span_doubles_with_each_attempt_up_to_the_cap() -> None:
    def longest(attempts: int) -> float:
        waits = (
            run_backoff(attempts=attempts, base_s=2, cap_s=60, retry_after_s=None, rng=Random(seed))
            for seed in range(300)
        )
        return max(waits)

    assert [longest(number) for number in (0, 1, 2, 3, 10)] == pytest.approx([2, 4, 8, 16, 60], rel=0.05)


@pytest.mark.rel("J11", "F34")
def test_runs_that_failed_together_do_not_come_back_together() -> None:
    waits = {run_backoff(attempts=3, base_s=2, cap_s=60, retry_after_s=None, rng=Random(seed)) for seed in range(20)}
    assert len(waits) == 20
