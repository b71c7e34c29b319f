"""A provider's output becomes a version, tags, text or metadata, through the library's services, while a run settles.

`check` refuses outputs that are not what the extension promised (REL U11, F37); `apply` writes them.
"""

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

from extensions.models import ExtensionRun
from extensions.providers.base import ImageProduced, Output, PermanentProviderError, TagsFound, TasksAnswered, TextFound
from extensions.runs import tasking
from library.images import inspect, sniff
from library.models import Asset, AssetVersion
from library.services import assets, tags, versions
from library.services.blobs import StoredBlob
from mediahub.lib.errors import DomainError
from mediahub.lib.imaging import limits_from_settings
from mediahub.lib.json_input import clean_text, require_clean_text

LONGEST_TAG, MOST_TAGS = 200, 100
LONGEST_TEXT = 10_000
LONGEST_MODEL = 80
BAD = "bad_provider_result"


class AssetOverwritten(DomainError):
    """The asset shows another picture than the one that the run was about."""

    code = "asset_overwritten"


def check(run: ExtensionRun, output: Output) -> None:
    """Raise PermanentProviderError `bad_provider_result` for an output that must not be applied."""
    if clean_text(output.model, LONGEST_MODEL) != output.model:
        raise PermanentProviderError(BAD, "The provider answered with an unusable model name.")
    if run.extension == "remove-bg":
        _check_image(run, output)
    elif run.extension.endswith("-auto-tagging"):
        _check_tags(output)
    elif run.extension == "ai-tasks":
        tasking.check_answers(run, output)
    elif not isinstance(output, TextFound) or not _is_usable(output.text, LONGEST_TEXT):
        raise PermanentProviderError(BAD, "The provider did not answer with a usable text.")


def apply(
    *, run: ExtensionRun, asset: Asset, output: Output, blob: StoredBlob | None, provider: str, now: datetime
) -> dict[str, Any]:
    """Write the output to the locked asset and return the columns of the run that record it.

    Raises VersionLimitExceeded, AssetOverwritten and NoTaskApplied; then nothing of the result is written.
    """
    match output:
        case ImageProduced():
            assert blob is not None
            return _apply_image(run, asset, output, blob, now)
        case TagsFound():
            _require_same_picture(run, asset)
            found = [(tag.name, Decimal(str(tag.confidence))) for tag in output.tags]
            tags.replace_suggested(
                asset=asset,
                source=run.extension,
                provider=provider,
                model=output.model,
                run_id=run.pk,
                found=found,
                now=now,
            )
        case TextFound():
            _require_same_picture(run, asset)
            assets.update_asset(asset=asset, changes=assets.AssetChanges(description=output.text), now=now)
        case TasksAnswered():
            _require_same_picture(run, asset)
            outcomes = tasking.apply_answers(run=run, asset=asset, output=output, now=now)
            return {"facts": {**output.facts, "tasks": outcomes}}
    return {}


def _require_same_picture(run: ExtensionRun, asset: Asset) -> None:
    """What is said about a picture must not be put on another one that was uploaded over it meanwhile."""
    current = asset.current_version
    if current is None or current.version_id == run.version_id:
        return
    if _upload_behind(asset, current.version_id) != _upload_behind(asset, run.version_id):
        raise AssetOverwritten("The file was overwritten while the extension ran; the result is about the old one.")


def _upload_behind(asset: Asset, version_id: str) -> str:
    """The version that a person uploaded and from which this one was made by extensions; itself, if it was uploaded."""
    made_by = dict(
        asset.versions.filter(origin=AssetVersion.Origin.EXTENSION, run_id__isnull=False).values_list(
            "version_id", "run_id"
        )
    )
    made_of = dict(ExtensionRun.objects.filter(pk__in=made_by.values()).values_list("pk", "version_id"))
    for _ in made_by:
        maker = made_by.get(version_id)
        version_id = made_of.get(maker, version_id) if maker else version_id
    return version_id


def _apply_image(
    run: ExtensionRun, asset: Asset, output: ImageProduced, blob: StoredBlob, now: datetime
) -> dict[str, Any]:
    current = asset.current_version
    still_current = current is not None and current.version_id == run.version_id
    made_of = current if still_current else asset.versions.filter(version_id=run.version_id).first() or current
    version = versions.add_version(
        asset=asset,
        blob=blob,
        origin=AssetVersion.Origin.EXTENSION,
        run_id=run.pk,
        # What is made of a draft is a draft.
        is_published=made_of is not None and made_of.is_published,
        make_current=still_current,
        now=now,
    )
    return {
        "result_version_id": version.version_id,
        "result_is_current": still_current,
        "ignored_options": list(output.ignored_options),
    }


def _is_usable(text: str, longest: int) -> bool:
    """Whether a text says something, is not too long, and holds nothing that a database would refuse."""
    try:
        require_clean_text(text)
    except DomainError:
        return False
    return bool(text.strip()) and len(text) <= longest


def _check_tags(output: Output) -> None:
    if not isinstance(output, TagsFound) or len(output.tags) > MOST_TAGS:
        raise PermanentProviderError(BAD, "The provider did not answer with a list of labels.")
    for tag in output.tags:
        if not isinstance(tag.name, str) or not _is_usable(tag.name, LONGEST_TAG):
            raise PermanentProviderError(BAD, "The provider answered with a label without a usable name.")
        if not math.isfinite(tag.confidence) or not 0 <= tag.confidence <= 100:
            raise PermanentProviderError(BAD, "The provider answered with a confidence outside 0 to 100.")


def _check_image(run: ExtensionRun, output: Output) -> None:
    if not isinstance(output, ImageProduced) or not output.data:
        raise PermanentProviderError(BAD, "The provider did not answer with an image.")
    mime = sniff(output.data[:4096], "result")
    facts = inspect(output.data, mime, limits_from_settings())
    if mime not in {"image/png", "image/webp", "image/jpeg"} or facts.width is None or facts.problem:
        raise PermanentProviderError(BAD, f"The provider answered with {mime}, which is not an image we can use.")
    options = run.params.get("options") or {}
    if not facts.has_alpha and not (options.get("bg_color") or options.get("bg_image_url")):
        raise PermanentProviderError(BAD, "The provider answered with an opaque image.")
