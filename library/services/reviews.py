"""Review machine tags: accept, reject or put back many at once, each asset under its lock. API and pages call these.

A rejected tag is kept: it is not shown any more, and its source cannot suggest it again for that asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from library.models import Account, AITag, Asset
from library.querysets import AITagQuerySet
from library.services.accounts import audit
from library.signals import asset_updated
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound
from mediahub.lib.retry import repeat_on_conflict

MOST_IDS = 500
MOST_AT_ONCE = 2000
"""What one call changes at most where tags are chosen by a filter; the caller is told how many are left."""
_IN_ONE_TRANSACTION = 200


@dataclass(frozen=True)
class Reviewed:
    """One tag that was reviewed, and the state that it had before."""

    tag: AITag
    was: str


@repeat_on_conflict
@transaction.atomic
def review_tags(
    *, account: Account, ids: Sequence[int], state: AITag.State, without_missing: bool = False
) -> list[Reviewed]:
    """Give the account's tags with these keys a state: all of them, or none. Those that have it already are left alone.

    without_missing: leave out keys of no tag, other accounts' among them; else NotFound names them. Returns the
    changed ones.
    """
    wanted = set(ids)
    mine = AITag.objects.of_account(account).filter(pk__in=wanted)
    # Taggers replace tags under the lock of their asset, so only what is read under it is sure to be there.
    _lock(mine)
    found = list(mine.select_related("asset__account", "asset__folder").order_by("pk"))
    missing = sorted(wanted - {tag.pk for tag in found})
    if missing and not without_missing:
        raise NotFound("The requested AI tag(s) does not exist.", members={"missingIds": [str(key) for key in missing]})
    return _give(found, state)


def review_ai_tag(*, ai_tag: AITag, state: AITag.State) -> None:
    """Accept or reject one machine tag, or put it back among the suggested ones. Raises NotFound if it is gone."""
    review_tags(account=ai_tag.asset.account, ids=[ai_tag.pk], state=state)


def review_matching(
    *, account: Account, tags: AITagQuerySet, state: AITag.State, chosen: str, actor: str
) -> tuple[list[Reviewed], int]:
    """Give a state to tags of the account that a query chooses, up to MOST_AT_ONCE, some in each transaction.

    chosen: the filter in words, for the audit, which has a line for each transaction, so that it is whole whoever
    dies. Returns what was changed and how many tags are left to change.
    """
    waiting = tags.of_account(account).exclude(state=state)
    done: list[Reviewed] = []
    while len(done) < MOST_AT_ONCE:
        some = _review_some(account, waiting, state, chosen=chosen, actor=actor)
        if not some:
            break
        done += some
    return done, waiting.count()


@repeat_on_conflict
@transaction.atomic
def _review_some(
    account: Account, waiting: AITagQuerySet, state: AITag.State, *, chosen: str, actor: str
) -> list[Reviewed]:
    keys = list(waiting.order_by("asset", "pk").values_list("pk", flat=True)[:_IN_ONE_TRANSACTION])
    _lock(AITag.objects.filter(pk__in=keys))
    # Asked again under the lock: what somebody has decided meanwhile is not chosen any more.
    found = waiting.filter(pk__in=keys).select_related("asset__account", "asset__folder").order_by("pk")
    done = _give(list(found), state)
    if done:
        detail = {"tags": len(done), "assets": len({one.tag.asset_id for one in done})}
        audit(account=account, actor=actor, action=f"ai_tags.{state}", target=chosen, detail=detail)
    return done


def _lock(tags: AITagQuerySet) -> None:
    """Lock the assets of tags in the order of their keys."""
    keys = set(tags.values_list("asset", flat=True))
    list(Asset.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _give(found: Sequence[AITag], state: AITag.State) -> list[Reviewed]:
    """Write the state on tags of locked assets, and tell of each asset once."""
    changed = [Reviewed(tag, tag.state) for tag in found if tag.state != state]
    if not changed:
        return []
    now = clock_now()
    AITag.objects.filter(pk__in=[one.tag.pk for one in changed]).update(state=state)
    assets = {one.tag.asset_id: one.tag.asset for one in changed}
    Asset.objects.filter(pk__in=list(assets)).update(updated_at=now)
    for one in changed:
        one.tag.state = state
    for key in sorted(assets):
        assets[key].updated_at = now
        asset_updated.send(sender=Asset, asset=assets[key])
    return changed
