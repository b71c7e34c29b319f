"""The call of a run: read the pinned bytes, refuse what no provider can use, ask the chain (architecture 3).

Outside any transaction. Returns an output with the slug of the provider that answered, or raises one of the provider
errors.
"""

import time
from dataclasses import dataclass

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun
from extensions.providers.base import (
    Output,
    PermanentProviderError,
    Provider,
    RunInput,
    TransientProviderError,
    prepare_for,
)
from extensions.runs import results, tasking
from extensions.runs.chain import ask_chain
from extensions.runs.claim import timeout_s
from library.models import AssetVersion
from library.storage import BlobMissing, StorageUnavailable, read_blob

LEAST_S = 10.0
"""What the next provider of a chain gets where the one before has used up the run's time."""


@dataclass(frozen=True)
class Answer:
    """What came back, and from whom."""

    output: Output
    provider: str


def ask(run: ExtensionRun) -> Answer:
    """Have a provider of the run's chain do the work.

    Raises PermanentProviderError (the run has failed), TransientProviderError (try again later), ProviderUnavailable
    (nobody in the chain can serve runs at present), ChainBusy (nobody may be asked now) or LeaseLost.
    """
    started, version = time.monotonic(), _pinned_version(run)
    data = _read(version)

    def prepare(provider: Provider) -> RunInput:
        return _run_input(run, version, data, provider, spent_s=time.monotonic() - started)

    output, slug = ask_chain(run, prepare)
    results.check(run, output)
    return Answer(output=output, provider=slug)


def _pinned_version(run: ExtensionRun) -> AssetVersion:
    version: AssetVersion | None = AssetVersion.objects.filter(version_id=run.version_id).first()
    if version is None:
        raise PermanentProviderError("asset_deleted", "The asset was deleted before the extension ran.")
    if not version.is_image:
        raise PermanentProviderError("unsupported_file_type", f"{run.extension} works on images, not {version.mime}.")
    if version.problem:
        raise PermanentProviderError(version.problem, "The image is corrupt or beyond the limits of this server.")
    if version.is_animated and not CATALOG[run.extension].accepts_animated:
        raise PermanentProviderError("animated_not_supported", f"{run.extension} does not work on animated images.")
    return version


def _read(version: AssetVersion) -> bytes:
    try:
        return read_blob(version.blob_key)
    except BlobMissing:
        raise PermanentProviderError("blob_missing", "The bytes of this version are missing.") from None
    except StorageUnavailable as error:
        raise TransientProviderError("storage_unavailable", error.message) from error


def _run_input(
    run: ExtensionRun, version: AssetVersion, data: bytes, provider: Provider, *, spent_s: float
) -> RunInput:
    """spent_s: what providers before this one have taken of the run's time."""
    if version.is_animated and not provider.accepts_animated:
        raise PermanentProviderError("animated_not_supported", f"{provider.title} does not take animated images.")
    image, mime = prepare_for(provider, data, version.mime)
    return RunInput(
        run_id=str(run.pk),
        extension=run.extension,
        image=image,
        mime=mime,
        width=version.width or 0,
        height=version.height or 0,
        animated=version.is_animated,
        params=run.params,
        # What is left before the soft time limit, which lies a little beyond the time-out (REL J5).
        deadline_s=min(timeout_s(run.queue), max(timeout_s(run.queue) - spent_s, LEAST_S)),
        fields=tasking.known_fields(run),
    )
