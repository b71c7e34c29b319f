"""Uploads as clients send them, and the proof that a refused one left nothing behind."""

import io
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from extensions.models import ExtensionRun, UnitEntry
from library.models import Asset, AssetVersion, Folder, Tag, UploadReceipt

UPLOAD = "/api/v1/files/upload"
BOUNDARY = "bOuNdArY"


def picture(size: tuple[int, int] = (64, 48), fmt: str = "PNG", colour: str = "teal", mode: str = "RGB") -> bytes:
    """A small real image."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, fmt)
    return out.getvalue()


def upload(client, data: bytes | str | None = b"some bytes", headers: dict[str, str] | None = None, **fields: str):
    """POST an upload; `data` as text is a text part (base64 or URL), None leaves the part out."""
    form: dict[str, object] = {"fileName": "file.bin", **fields}
    if isinstance(data, bytes):
        form["file"] = SimpleUploadedFile("part.bin", data)
    elif data is not None:
        form["file"] = data
    form = {name: value for name, value in form.items() if value is not None}
    return client.post(UPLOAD, form, format="multipart", headers=headers)


def post_raw(client, body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}", **extra):
    """POST bytes exactly as they are."""
    return client.generic("POST", UPLOAD, body, content_type=content_type, **extra)


def part(name: str, value: bytes, *extra: bytes) -> bytes:
    """One part of a multipart body; `extra` goes behind the name, as in `; filename="x"`."""
    head = b'Content-Disposition: form-data; name="%s"' % name.encode() + b"".join(extra)
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


END = b"--" + BOUNDARY.encode() + b"--\r\n"


def files_under(folder: str | Path) -> list[Path]:
    """Every file below a folder."""
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def assert_nothing_stored() -> None:
    """No row of an upload, no blob, no spool file."""
    for model in (Asset, AssetVersion, Tag, UploadReceipt, ExtensionRun):
        assert not model.objects.exists(), model
    assert not Folder.objects.filter(depth__gt=0).exists()
    assert not UnitEntry.objects.filter(kind="hold").exists()
    assert files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"]) == []
    assert files_under(settings.FILE_UPLOAD_TEMP_DIR) == []


def assert_refused(response, status: int = 400, field: str | None = None) -> dict:
    """An error in ImageKit's shape, and nothing stored."""
    assert response.status_code == status, response.content[:300]
    body = response.json()
    assert isinstance(body["message"], str)
    assert body["message"]
    assert isinstance(body["help"], str)
    assert response["x-ik-requestId"]
    if field is not None:
        assert body["field"] == field, body
    assert_nothing_stored()
    return body
