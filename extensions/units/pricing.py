"""What extensions cost: pure sums over the catalogue's prices."""

from collections.abc import Iterable

from extensions.catalog import CATALOG


def price_of(names: Iterable[str], *, files: int = 1) -> int:
    """Units that running these extensions on so many files would hold."""
    return files * sum(CATALOG[name].units for name in names)
