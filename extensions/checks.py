"""System checks: combinations of settings that cannot work, said at start with a hint (ids `extensions.E...`)."""

import sqlite3
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from extensions.providers.registry import PROVIDERS
from mediahub.lib.sqlite import FIRST_SOUND_VERSION

EXAMPLE_SECRETS = {"change-me", "changeme", "secret", "insecure"}


@register()
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse known example values for keys, and DEBUG with a public address (REL A1)."""
    found: list[CheckMessage] = []
    for name in ("SECRET_KEY", "MEDIAHUB_ENCRYPTION_KEY"):
        if getattr(settings, name).lower() in EXAMPLE_SECRETS or len(getattr(settings, name)) < 16:
            found.append(
                Error(
                    f"{name} is an example value or shorter than 16 characters.",
                    hint="Unset it to have one made at random, or set your own.",
                    id="extensions.E001",
                )
            )
    public = [host for host in settings.ALLOWED_HOSTS if host not in {"127.0.0.1", "localhost", "[::1]", "testserver"}]
    if settings.DEBUG and public:
        found.append(
            Error(
                f"MEDIAHUB_DEBUG is on while MEDIAHUB_ALLOWED_HOSTS names {public[0]}.",
                hint="Turn MEDIAHUB_DEBUG off on any host that others can reach.",
                id="extensions.E002",
            )
        )
    return found


@register()
def check_sqlite_version(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn about SQLite libraries with the WAL corruption fault (REL section 12)."""
    engine = str(settings.DATABASES["default"]["ENGINE"])
    if "sqlite" in engine and sqlite3.sqlite_version_info < FIRST_SOUND_VERSION:
        return [
            Warning(
                f"SQLite {sqlite3.sqlite_version} has a rare fault that can corrupt a WAL database.",
                hint="Install the pysqlite3 wheel, or use PostgreSQL.",
                id="extensions.W001",
            )
        ]
    return []


@register()
def check_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that nobody named, all clients have its address, and one that guesses slows the others."""
    if settings.MEDIAHUB_BEHIND_TLS and not settings.MEDIAHUB_TRUSTED_PROXIES:
        return [
            Warning(
                "MEDIAHUB_BEHIND_TLS is on and MEDIAHUB_TRUSTED_PROXIES is empty: clients cannot be told apart.",
                hint="Set MEDIAHUB_TRUSTED_PROXIES to the proxy's address, and have it send X-Forwarded-For.",
                id="extensions.W003",
            )
        ]
    return []


@register()
def check_storage(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Object storage needs a bucket."""
    if settings.MEDIAHUB_STORAGE != "disk" and not settings.MEDIAHUB_STORAGE_BUCKET:
        return [
            Error(
                f"MEDIAHUB_STORAGE is {settings.MEDIAHUB_STORAGE} but MEDIAHUB_STORAGE_BUCKET is empty.",
                hint="Name the bucket or container that holds the blobs.",
                id="extensions.E003",
            )
        ]
    return []


@register()
def check_limits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn about limits of providers that do not exist: a misspelt one limits nobody."""
    return [
        Warning(
            f"{name} names {slug!r}, which is no provider.",
            hint=f"Known are {', '.join(PROVIDERS)}.",
            id="extensions.W002",
        )
        for name in ("MEDIAHUB_PROVIDER_CONCURRENCY", "MEDIAHUB_PROVIDER_RATE_PER_MIN")
        for slug in getattr(settings, name)
        if slug not in PROVIDERS
    ]
