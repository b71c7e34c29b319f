"""Requests to drop files from caches (API 3.9). No CDN stands before this server, so they are fulfilled at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import unquote

from library.models import Account, PurgeRequest
from library.services.account_urls import MAX_URL, split_account_url
from mediahub.lib.errors import DomainError

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
    split_account_url(account, url)
    stem, star, rest = url.partition("*")
    if rest:
        raise DomainError("The URL may have a * at its end only.", field="url")
    path = unquote(split_account_url(account, stem)[0])
    if star and not (path.count("/") >= 2 or len(path) >= _LEAST_WILDCARD or "." in path.rpartition("/")[2]):
        raise DomainError("A URL with * needs two folders, 15 characters or a whole file path before it.", field="url")
