"""Typed reading of environment variables, loud on a bad value. Only `mediahub/settings.py` calls these."""

import os
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


def env_secret(name: str) -> str:
    """A secret from NAME, or from the file that NAME_FILE points at. Empty when neither is set."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE={path!r} cannot be read: {error.strerror}.") from None
