"""Pure: a `multipart/form-data` body, for suppliers that take a file beside fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from urllib3.filepost import encode_multipart_formdata


@dataclass(frozen=True)
class FormFile:
    """A file of a form: the name it is sent under, its bytes and its type."""

    name: str
    data: bytes = field(repr=False)
    mime: str


def encode_form(fields: Mapping[str, str | FormFile]) -> tuple[bytes, str]:
    """Return (body, value of `Content-Type`). Quotes and line ends in names are escaped as browsers escape them.

    Raises UnicodeEncodeError for text with unpaired surrogates.
    """
    parts = [
        (name, (value.name, value.data, value.mime) if isinstance(value, FormFile) else value)
        for name, value in fields.items()
    ]
    return encode_multipart_formdata(parts)
