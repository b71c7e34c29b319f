"""Ready-made situations for tests of runs, units and webhooks: an asset with real bytes, and runs on it."""

import io

from django.db import transaction
from PIL import Image, ImageDraw

from extensions.catalog import parse_blocks
from extensions.models import ExtensionRun
from extensions.runs.services import request_runs
from library.models import Account, Asset
from library.renditions import claim_rendition, make_rendition
from library.services.assets import UploadFields, upload_asset
from library.services.blobs import store_bytes
from mediahub.lib import clock

FAKE_CHAINS = {
    name: ["fake"]
    for name in (
        "remove-bg",
        "google-auto-tagging",
        "aws-auto-tagging",
        "local-auto-tagging",
        "ai-auto-description",
        "ai-tasks",
    )
}


def picture(size: tuple[int, int] = (64, 48), fmt: str = "PNG", colour: str = "teal") -> bytes:
    """A small real image: a disc on a plain ground."""
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).ellipse([size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2], fill="gold")
    buffer = io.BytesIO()
    image.save(buffer, fmt)
    return buffer.getvalue()


def make_asset(account: Account, *, name: str = "disc.png", data: bytes | None = None) -> Asset:
    """An uploaded asset with one version."""
    blob = store_bytes(data=data or picture(), name=name)
    version = upload_asset(account=account, blob=blob, fields=UploadFields(file_name=name), now=clock.now())
    return Asset.objects.with_details().get(pk=version.asset_id)


def draw_thumbnails() -> None:
    """Make the renditions that are asked for, as their worker does."""
    while claim := claim_rendition(now=clock.now()):
        make_rendition(claim)


def ask_for(asset: Asset, *blocks: dict | str, webhook_url: str = "", answer_by=None) -> list[ExtensionRun]:
    """Runs as a request would write them; a plain name stands for a block without parameters."""
    raw = [{"name": block} if isinstance(block, str) else block for block in blocks]
    with transaction.atomic():
        return request_runs(
            asset=asset,
            version=asset.current_version,
            blocks=parse_blocks(raw, both_spellings=False),
            webhook_url=webhook_url,
            now=clock.now(),
            answer_by=answer_by,
        )
