"""The call of a run: read the pinned bytes, refuse what no provider can use, ask the chain (architecture 3).

Outside any transaction. Returns an output with the slug of the provider that answered, or raises one of the provider
errors.
"""

from dataclasses import dataclass

from django.conf import settings

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun
from extensions.providers.base import (
    Output,
    PermanentProviderError,
    Provider,
    ProviderUnavailable,
    RunInput,
    TransientProviderError,
    prepare_for,
)
from extensions.providers.registry import availability_of, get_provider
from extensions.runs import results, tasking
from extensions.runs.claim import timeout_s
from library.models import AssetVersion
from library.storage import BlobMissing, StorageUnavailable, read_blob


@dataclass(frozen=True)
class Answer:
    """What came back, and from whom."""

    output: Output
    provider: str


def ask(run: ExtensionRun) -> Answer:
    """Have a provider of the run's chain do the work.

    Raises PermanentProviderError (the run has failed), TransientProviderError (try again later) or
    ProviderUnavailable (nobody in the chain can serve runs at present).
    """
    version = _pinned_version(run)
    data = _read(version)
    refusals: list[ProviderUnavailable | TransientProviderError] = []
    for slug in CATALOG[run.extension].chain:
        try:
            provider = _provider(slug)
            output = provider.run(_run_input(run, version, data, provider))
        except ProviderUnavailable as error:
            refusals.append(error)
            continue
        except TransientProviderError as error:
            if run.attempts < settings.MEDIAHUB_RUN_ATTEMPTS:
                raise
            # Its attempts are spent: the next in the chain may do better.
            refusals.append(error)
            continue
        results.check(run, output)
        return Answer(output=output, provider=slug)
    raise _nobody(run, refusals)


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


def _provider(slug: str) -> Provider:
    state = availability_of(slug)
    if not state.available:
        raise ProviderUnavailable("provider_not_configured", state.reason)
    return get_provider(slug)


def _run_input(run: ExtensionRun, version: AssetVersion, data: bytes, provider: Provider) -> RunInput:
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
        deadline_s=timeout_s(run.queue),
        fields=tasking.known_fields(run),
    )


def _nobody(run: ExtensionRun, refusals: list[ProviderUnavailable | TransientProviderError]) -> ProviderUnavailable:
    """The refusal of the whole chain: the last provider's own code, with every provider's sentence."""
    if not refusals:
        return ProviderUnavailable("provider_not_configured", f"No provider is configured for {run.extension}.")
    sentences = "; ".join(error.message.rstrip(".") for error in refusals)
    return ProviderUnavailable(refusals[-1].code, f"No provider could serve {run.extension}: {sentences}.")
