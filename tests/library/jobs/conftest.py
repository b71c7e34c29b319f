"""What folder signals said, and a worker that does all that is due."""

import pytest

from library.services.jobs.leases import claim_job
from library.services.jobs.working import work_on
from library.signals import folder_created, folder_deleted, folder_updated
from mediahub.lib.clock import now


@pytest.fixture
def heard():
    """(name, path or id) of the folder signals sent, in order."""
    names = []

    def created(folder, **_):
        names.append(("created", folder.path))

    def updated(folder, **_):
        names.append(("updated", folder.path))

    def deleted(account, folder_id, **_):
        names.append(("deleted", folder_id))

    folder_created.connect(created)
    folder_updated.connect(updated)
    folder_deleted.connect(deleted)
    yield names
    folder_created.disconnect(created)
    folder_updated.disconnect(updated)
    folder_deleted.disconnect(deleted)


def work_all(*, stretch_s: float = 60.0) -> None:
    """Work on jobs until none is due."""
    while claim := claim_job(now=now()):
        work_on(claim, stretch_s=stretch_s)
