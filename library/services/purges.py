"""Requests to drop files from caches (API 3.9). No CDN stands before this server, so they are fulfilled at once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from library import wire
from library.models import Account, PurgeRequest
from mediahub.lib.errors import DomainError

MAX_URL = 8192
KEPT_FOR = timedelta(days=30)
_LEAST_WILDCARD = 15


def request_purge(*, account: Account, url: str, now: datetime) -> PurgeRequest:
    """Take note of a purge of one of the account's URLs, perhaps with `*` at its end. Raises DomainError otherwise."""
    _require_purgeable(account, url)
    return write_purge(account=account, url=url, now=now)


def write_purge(*, account: Account, url: str, now: datetime) -> PurgeRequest:
    """Take note of a purge that goes with something else, a renaming for one."""
    return PurgeRequest.objects.create(account=account, url=url[:MAX_URL], created_at=now)


def forget_purges(*, now: datetime) -> int:
    """Remove requests of more than 30 days ago; returns how many."""
    return PurgeRequest.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def _require_purgeable(account: Account, url: str) -> None:
    base = urlsplit(wire.account_url(account) + "/")
    if len(url) > MAX_URL or re.search(r"[\s\\]", url):
        raise DomainError("The URL is malformed.", field="url")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DomainError("The URL is malformed.", field="url") from error
    if (parts.scheme, parts.netloc.lower()) != (base.scheme, base.netloc) or not parts.path.startswith(base.path):
        raise DomainError("The URL is none of this account's files.", field="url")
    stem, star, rest = url.partition("*")
    if rest:
        raise DomainError("The URL may have a * at its end only.", field="url")
    path = unquote(urlsplit(stem).path[len(base.path) :])
    if star and not (path.count("/") >= 2 or len(path) >= _LEAST_WILDCARD or "." in path.rpartition("/")[2]):
        raise DomainError("A URL with * needs two folders, 15 characters or a whole file path before it.", field="url")
