"""Typed reading of environment variables, loud on a bad value. Only `mediahub/settings.py` calls these."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    """The variable's text, stripped; the default where it is unset."""
    return os.environ.get(name, default).strip()


def env_bool(name: str, default: bool = False) -> bool:
    """true/false, yes/no, on/off or 1/0. Raises ImproperlyConfigured on anything else."""
    text = os.environ.get(name)
    if text is None:
        return default
    if text.strip().lower() in TRUE:
        return True
    if text.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={text!r} is not a truth value: use true or false.")


def env_int(name: str, default: int, *, least: int | None = 0, most: int | None = None) -> int:
    """A whole number within its bounds. Raises ImproperlyConfigured otherwise."""
    number = env_float(name, default, least=least, most=most)
    if number != int(number):
        raise ImproperlyConfigured(f"{name}={os.environ.get(name)!r} is not a whole number.")
    return int(number)


def env_float(name: str, default: float, *, least: float | None = 0, most: float | None = None) -> float:
    """A number within its bounds. Raises ImproperlyConfigured otherwise."""
    text = os.environ.get(name, "").strip()
    try:
        number = float(text) if text else float(default)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={text!r} is not a number.") from None
    if (least is not None and number < least) or (most is not None and number > most):
        raise ImproperlyConfigured(f"{name}={text!r} is outside {least} to {most}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    """Comma-separated items, blanks trimmed, empty ones dropped."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def env_counts(name: str) -> dict[str, int]:
    """Comma-separated `key=number` items, numbers above zero. Raises ImproperlyConfigured naming a bad item."""
    counts: dict[str, int] = {}
    for item in env_list(name):
        key, _, text = (part.strip() for part in item.partition("="))
        if not key or not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000:
            raise ImproperlyConfigured(f"{name}: {item!r} is not a pair such as remove.bg=4, with a number above zero.")
        counts[key] = int(text)
    return counts


@dataclass(frozen=True)
class Rate:
    """Requests a second on end, and how many may come at once."""

    per_second: float
    burst: int


def env_rates(name: str, defaults: Mapping[str, str]) -> dict[str, Rate]:
    """Comma-separated `key=RATE/BURST` items over the defaults; `key=0` or `off` alone take limits away.

    Raises ImproperlyConfigured naming an unknown key or a malformed item.
    """
    items = env_list(name)
    if [item.lower() for item in items] == ["off"]:
        return {}
    given = dict(defaults)
    for item in items:
        key, _, text = (part.strip() for part in item.partition("="))
        if key not in defaults:
            raise ImproperlyConfigured(f"{name}: {item!r} does not begin with one of {', '.join(defaults)}.")
        given[key] = text
    rates = {key: _rate(name, key, text) for key, text in given.items()}
    return {key: rate for key, rate in rates.items() if rate is not None}


def _rate(name: str, key: str, text: str) -> Rate | None:
    """The rate of one item: `0` is none, a burst that is not said is as large as the rate."""
    found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)(?:/(\d{1,7}))?", text, re.ASCII)
    if found is None:
        raise ImproperlyConfigured(f"{name}: {key}={text!r} is not a rate such as {key}=40/100, or 0.")
    per_second = float(found[1])
    if per_second == 0:
        return None
    return Rate(per_second, max(1, int(found[2] or per_second)))


def env_secret(name: str) -> str:
    """A secret from NAME, or from the file that NAME_FILE points at. Empty when neither is set."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE={path!r} cannot be read: {error.strerror}.") from None
