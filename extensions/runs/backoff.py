"""How long a run waits after a transient error of its provider (REL J11): one pure function for the run pipeline."""

from random import Random

LARGEST_EXPONENT = 30  # beyond it every cap is reached, and 2 to the power of a wrong number is no number at all


def run_backoff(*, attempts: int, base_s: float, cap_s: float, retry_after_s: float | None, rng: Random) -> float:
    """Seconds until the next attempt: full jitter over min(cap, base * 2^attempts), never before `retry_after_s`.

    attempts: how many have been made. Full jitter spreads runs that failed together over the whole span, so that a
    provider that comes back is not met by all of them at once.
    """
    ceiling_s = min(cap_s, base_s * 2.0 ** max(0, min(attempts, LARGEST_EXPONENT)))
    return max(rng.uniform(0, ceiling_s), retry_after_s or 0.0)
