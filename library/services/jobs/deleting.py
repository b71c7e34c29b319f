"""Delete a tree: its files in batches, then its folders from the leaves up. What is put into it after the deletion was
asked for stays, and so do the folders on the way to it.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from library.models import Asset, AssetVersion, BulkJob, Folder
from library.querysets import AssetQuerySet
from library.services.bulk import delete_locked
from library.services.folders import lock_tree, remove_empty
from library.services.jobs.leases import Claim, keep
from library.services.jobs.steps import some_files, step_of
from mediahub.lib.crash import crash_point

ASSETS_DELETED = 200
FOLDERS_REMOVED = 200


def step(claim: Claim) -> bool:
    """Delete some files, or, when none is left, some folders; says whether there is more to do. Raises Overtaken."""
    job = claim.job
    with step_of(claim) as now:
        keys = list(some_files(job, _deletable(job), most=ASSETS_DELETED).values_list("pk", flat=True))
        if keys:
            # Asked again under the locks: one may have been moved away or overwritten meanwhile.
            locked = (
                _deletable(job)
                .in_tree(job.source_path)
                .filter(pk__in=keys)
                .order_by("pk")
                .select_for_update(no_key=True, of=("self",))
            )
            done = list(locked.select_related("account", "folder"))
            delete_locked(done)
            count = len(done)
        else:
            lock_tree(job.account, now=now)
            leaves = list(_leaves(job)[:FOLDERS_REMOVED])
            if not leaves:
                return False
            count = remove_empty(job.account, leaves)
        keep(claim, done=count)
        crash_point("job.stepping")
    return True


def _deletable(job: BulkJob) -> AssetQuerySet:
    """Files that were there when the deletion was asked for and were not overwritten by an upload since."""
    later = AssetVersion.objects.filter(
        asset=OuterRef("pk"), origin=AssetVersion.Origin.UPLOAD, created_at__gt=job.created_at
    )
    return Asset.objects.filter(~Exists(later), created_at__lte=job.created_at)


def _leaves(job: BulkJob) -> QuerySet[Folder]:
    has_children = Exists(Folder.objects.filter(parent=OuterRef("pk")))
    has_assets = Exists(Asset.objects.filter(folder=OuterRef("pk")))
    tree = Folder.objects.of_account(job.account).in_tree(job.source_path)
    return tree.filter(~has_children, ~has_assets, created_at__lte=job.created_at)
