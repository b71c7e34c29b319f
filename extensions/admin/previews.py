"""Thumbnails, previews and originals in the admin: membership opens them, not a signed URL (REL S6)."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from extensions.admin.lookups import account_of_asset
from library.adminsite import page
from library.delivery.responses import respond_with_blob
from library.desks import Desk
from library.identifiers import is_object_id
from library.models import AssetVersion, Rendition
from library.renditions import SPECS, NoRendition, request_rendition
from library.storage import BlobMissing


@page(
    "files/<str:file_id>/versions/<str:version_id>/<str:spec>.webp",
    name="preview",
    account_of=account_of_asset,
    cacheable=True,
)
def preview(request: HttpRequest, desk: Desk, file_id: str, version_id: str, spec: str) -> HttpResponseBase:
    """A derived image of a version, or 503 with Retry-After while a worker makes it; never waits."""
    version = _version(desk, file_id, version_id)
    if spec not in SPECS:
        raise Http404("No such preview.")
    try:
        rendition = request_rendition(version=version, spec=spec)
    except NoRendition as error:
        raise Http404(error.message) from error
    if rendition.state in Rendition.OPEN:
        return HttpResponse("The image is being made.", status=503, headers={"Retry-After": "2"})
    if rendition.state != Rendition.State.READY:
        raise Http404("No image can be made of this file.")
    return _blob(
        request,
        key=rendition.blob_key,
        mime=rendition.mime,
        filename=f"{version.version_id}.webp",
        sha256=rendition.sha256,
        size=rendition.size_bytes or 0,
        version=version,
        attachment=False,
    )


@page(
    "files/<str:file_id>/versions/<str:version_id>/original",
    name="original",
    account_of=account_of_asset,
    cacheable=True,
)
def original(request: HttpRequest, desk: Desk, file_id: str, version_id: str) -> HttpResponseBase:
    """The bytes of a version as a download."""
    version = _version(desk, file_id, version_id)
    return _blob(
        request,
        key=version.blob_key,
        mime=version.mime,
        filename=version.asset.name,
        sha256=version.sha256,
        size=version.size_bytes,
        version=version,
        attachment=True,
    )


def _version(desk: Desk, file_id: str, version_id: str) -> AssetVersion:
    if not is_object_id(version_id):
        raise Http404("No such version.")
    versions = AssetVersion.objects.of_account(desk.account).select_related("asset")
    version = versions.filter(asset__file_id=file_id, version_id=version_id).first()
    if version is None:
        raise Http404("No such version.")
    return version


def _blob(
    request: HttpRequest,
    *,
    key: str,
    mime: str,
    filename: str,
    sha256: str,
    size: int,
    version: AssetVersion,
    attachment: bool,
) -> HttpResponseBase:
    try:
        return respond_with_blob(
            request,
            key=key,
            mime=mime,
            filename=filename,
            sha256=sha256,
            size=size,
            last_modified=version.created_at,
            private=True,
            immutable=True,
            attachment=attachment,
        )
    except BlobMissing as error:
        raise Http404(error.message) from error
