"""How much does a tagged upload cost that waits for its tags, next to the models alone and to a plain upload?

All three take turns, one at a time, in one run.
"""

from statistics import median

from benchmarks import photos
from benchmarks.bare_model import TagModels
from benchmarks.client import Client, Reply, checked
from benchmarks.processes import wait_until
from benchmarks.rows import Row, below, for_information, percentile
from benchmarks.system import running, settle_down

TURNS = 60
WARM_UP = 5
TIMES_BELOW = 2.0
SIZE = "640x480"


EXTENSIONS = [{"name": "local-auto-tagging"}]


def measure() -> list[Row]:
    """The p95 of a tagged upload over the sum of the models' time and the p95 of a plain upload."""
    models, plain, tagged = [], [], []
    with running() as system:
        client, bare = system.client(), TagModels()
        wait_until(lambda: _is_tagged(client), within_s=120, what="a first upload with tags", every_s=1)
        for turn in range(TURNS + WARM_UP):
            photo = photos.of_size(SIZE)[turn % len(photos.of_size(SIZE))]
            model_s = bare.seconds()
            plain_s = checked(client.upload(photo)).seconds
            # The thumbnail of the upload before is made meanwhile; it is nobody's wait.
            settle_down(0.1)
            reply = checked(client.upload(photo, extensions=EXTENSIONS))
            settle_down(0.1)
            if turn < WARM_UP:
                continue
            if not _has_tags(reply):
                raise RuntimeError(f"an upload was not tagged: {reply.json()['extensionStatus']}")
            models.append(model_s)
            plain.append(plain_s)
            tagged.append(reply.seconds)
    least_s = median(models) + percentile(plain, 0.95)
    note = (
        f"tagged p95 {percentile(tagged, 0.95) * 1000:.0f} ms, median {median(tagged) * 1000:.0f} ms; models "
        f"{median(models) * 1000:.0f} ms; plain p95 {percentile(plain, 0.95) * 1000:.0f} ms"
    )
    return [
        for_information("tagged upload, median", median(tagged) * 1000, unit="ms"),
        below(
            "tagged upload, p95 over models and plain upload",
            percentile(tagged, 0.95) / least_s,
            TIMES_BELOW,
            note=note,
        ),
    ]


def _is_tagged(client: Client) -> bool:
    """Whether the worker has loaded its models, so that an upload gets its tags in time."""
    return _has_tags(checked(client.upload(photos.of_size(SIZE)[0], extensions=EXTENSIONS)))


def _has_tags(reply: Reply) -> bool:
    status: str = reply.json()["extensionStatus"]["local-auto-tagging"]
    return status == "success"
