"""Does memory stay where it is after 200 images: of the web process, and of the workers that run the models?"""

from benchmarks import photos
from benchmarks.client import checked, in_parallel
from benchmarks.processes import pss_mb
from benchmarks.rows import Row, at_most, for_information
from benchmarks.system import System, running, settle_down

CLIENTS = 4
FIRST, LAST = 50, 200
GROWTH_AT_MOST_PERCENT = 5
PARTS = ("web", "images", "tagging")
# Pool children are replaced after a number of runs; here they must live, or that would hide what they gather.
SETTINGS = {"MEDIAHUB_WORKER_MAX_TASKS": "100000"}


def measure() -> list[Row]:
    """Megabytes (PSS) of each part after 200 images, and its growth from the 50th to the 200th in per cent."""
    rows: list[Row] = []
    with running(settings=SETTINGS) as system:
        _upload(system, FIRST)
        before = _memory(system)
        _upload(system, LAST - FIRST)
        after = _memory(system)
    for part in PARTS:
        growth = (after[part] / before[part] - 1) * 100
        note = f"from {before[part]:.1f} MB"
        rows.append(for_information(f"memory of {part} after {LAST} images", after[part], unit="MB"))
        name = f"growth of {part} from image {FIRST} to {LAST}"
        rows.append(at_most(name, growth, GROWTH_AT_MOST_PERCENT, unit="%", note=note))
    return rows


def _upload(system: System, count: int) -> None:
    """Upload photos with both local extensions, and wait until all is done."""
    sent = photos.of_size("640x480")
    extensions = [{"name": "remove-bg"}, {"name": "local-auto-tagging"}]

    def work(number: int) -> None:
        client = system.client()
        for turn in range(number, count, CLIENTS):
            checked(client.upload(sent[turn % len(sent)], extensions=extensions))

    in_parallel(CLIENTS, work)
    system.wait_until_idle()
    failed = system.database.value("SELECT count(*) FROM extensions_extensionrun WHERE state <> 'succeeded'")
    if failed:
        raise RuntimeError(f"{failed} runs did not succeed")


def _memory(system: System) -> dict[str, float]:
    settle_down(3)
    return {part: pss_mb(system.process(part)) for part in PARTS}
