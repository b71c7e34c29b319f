"""How long a run waits, after a transient error (REL J11) or for a provider: pure functions for the run pipeline."""

from random import Random

LARGEST_EXPONENT = 30  # beyond it every cap is reached, and 2 to the power of a wrong number is no number at all


def run_backoff(*, attempts: int, base_s: float, cap_s: float, retry_after_s: float | None, rng: Random) -> float:
    """Seconds until the next attempt: full jitter over min(cap, base * 2^attempts), never before `retry_after_s`.

    attempts: how many have been made. Full jitter spreads runs that failed together over the whole span, so that a
    provider that comes back is not met by all of them at once.
    """
    ceiling_s = min(cap_s, base_s * 2.0 ** max(0, min(attempts, LARGEST_EXPONENT)))
    return max(rng.uniform(0, ceiling_s), retry_after_s or 0.0)


def spread_s(*, age_s: float, rng: Random) -> float:
    """Seconds to add to the moment at which a provider may be asked, for a run that waits for it.

    Runs that wait for one provider must not all come back at once, and the longer they wait the less often they need
    to look: up to an eighth of their age, between one and fifteen seconds.
    """
    return rng.uniform(0.1, min(15.0, max(1.0, age_s / 8)))
