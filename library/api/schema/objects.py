"""The objects that the library answers, as `library.wire` writes them (API 2.3, 3.2, 3.8, 3.9)."""

from __future__ import annotations

from library.models import AITag, BulkJob
from library.wire import RESPONSE_FIELDS
from mediahub.lib.openapi.shapes import (
    Shape,
    any_of,
    array,
    flag,
    mapping,
    moment,
    nullable,
    number,
    object_id,
    one_of,
    record,
    ref,
    text,
    whole,
)

SCALAR: Shape = {"type": ["string", "number", "boolean"]}
_VALUE = any_of(SCALAR, array(SCALAR), description="A text, number or boolean; of a MultiSelect field an array.")

_VERSION_INFO = record({"id": object_id("The version's id; of the first one it is the file's."), "name": text()})
_CUSTOM_METADATA = mapping(ref("CustomMetadataValue"), "Values by the names of the account's custom metadata fields.")
_EMBEDDED = mapping(True, "EXIF, IPTC and XMP of the file in one flat object, in human words and ISO dates.")
_POLICY = mapping(True, "Custom metadata fields of the file's path policy; only where path policies are available.")
_TAGS = nullable(array(text(), "Tags of people; null if there are none."))
_AI_TAGS = nullable(array(ref("AITag"), "Tags of extensions that nobody rejected; null if there are none."))
_COORDINATES = nullable(text("`x,y,width,height` of the part that matters; null if it is not set."))
_KIND = one_of(("image", "non-image"))
_HEIGHT, _WIDTH = whole("Pixels; images only.", low=1), whole("Pixels; images only.", low=1)

_SOMETIMES = ("thumbnail", "height", "width", "hasAlpha", "embeddedMetadata", "description", "selectedFieldsSchema")
FILE = record(
    {
        "fileId": object_id("The same for all versions of the file."),
        "type": one_of(("file", "file-version"), "`file`: the current version."),
        "name": text(),
        "filePath": text("From the root.", pattern="^/"),
        "tags": _TAGS,
        "AITags": _AI_TAGS,
        "versionInfo": ref("VersionInfo"),
        "isPrivateFile": flag("Served by a signed URL only."),
        "isPublished": flag("False: a draft."),
        "customCoordinates": _COORDINATES,
        "url": text("Where the version is served.", format="uri"),
        "thumbnail": text("Where its thumbnail is served; images only.", format="uri"),
        "fileType": _KIND,
        "mime": text("Told from the content.", pattern="^[^/]+/[^/]+$"),
        "height": _HEIGHT,
        "width": _WIDTH,
        "size": whole("Bytes.", low=0),
        "hasAlpha": flag("Whether it has transparency; images only."),
        "customMetadata": _CUSTOM_METADATA,
        "embeddedMetadata": _EMBEDDED,
        "description": text("If there is one."),
        "selectedFieldsSchema": _POLICY,
        "createdAt": moment(),
        "updatedAt": moment(),
    },
    "A file, or one of its versions.",
    optional=_SOMETIMES,
)

UPLOADED = record(
    {
        "fileId": object_id(),
        "name": text("After cleaning, with the random suffix if one was asked for."),
        "size": whole("Bytes.", low=0),
        "versionInfo": ref("VersionInfo"),
        "filePath": text(pattern="^/"),
        "url": text(format="uri"),
        "fileType": _KIND,
        "height": _HEIGHT,
        "width": _WIDTH,
        "orientation": whole("Of the file's EXIF data.", low=1, high=8),
        "thumbnailUrl": text("Images only.", format="uri"),
        "AITags": _AI_TAGS,
        "description": text("If there is one."),
        "tags": _TAGS,
        "customCoordinates": _COORDINATES,
        "isPrivateFile": flag(),
        "isPublished": flag(),
        "customMetadata": _CUSTOM_METADATA,
        "metadata": ref("Metadata"),
        "embeddedMetadata": _EMBEDDED,
        "selectedFieldsSchema": _POLICY,
    },
    "The answer to an upload. Members that `responseFields` names are there if they were asked for.",
    optional=("height", "width", "orientation", "thumbnailUrl", "description", *RESPONSE_FIELDS),
)

FOLDER = record(
    {
        "type": one_of(("folder",)),
        "folderId": object_id(),
        "name": text(),
        "folderPath": text("From the root.", pattern="^/"),
        "customMetadata": _CUSTOM_METADATA,
        "createdAt": moment(),
        "updatedAt": moment(),
    },
    "A folder.",
)

METADATA = record(
    {
        "height": whole(low=0),
        "width": whole(low=0),
        "size": whole("Bytes.", low=0),
        "format": text("`jpg`, `png`, ..."),
        "hasColorProfile": flag(),
        "quality": whole("0 where it is not known.", low=0),
        "density": whole("Dots per inch.", low=0),
        "hasTransparency": flag(),
        "pHash": text("Perceptual hash; two alike pictures differ in few bits.", pattern="^[0-9a-f]*$"),
        "exif": record(
            {name: mapping(True) for name in ("image", "thumbnail", "exif", "gps", "interoperability", "makernote")},
            "EXIF data by their directories.",
            optional=("image", "thumbnail", "exif", "gps", "interoperability", "makernote"),
        ),
    },
    "What a file says about itself.",
    optional=("height", "width", "format", "hasColorProfile", "quality", "density", "hasTransparency", "pHash", "exif"),
)

JOB = record(
    {
        "jobId": object_id(),
        "type": one_of(BulkJob.Type.values),
        "status": one_of(("Pending", "Completed"), "`Completed`: it is over; `error` says if something went wrong."),
        "purgeRequestId": object_id("Where a purge was asked for."),
        "error": record(
            {
                "code": text("Empty if the job did all but some files."),
                "message": text(),
                "files": array(record({"fileId": object_id(), "error": text()}), "Files that were left out, and why."),
            },
            "What went wrong or was left out. Ours alone.",
        ),
    },
    "A job on a whole folder.",
    optional=("purgeRequestId", "error"),
)

COMPONENTS: dict[str, Shape] = {
    "AITag": record(
        {
            "name": text(),
            "confidence": number("Per cent, two decimals.", low=0, high=100),
            "source": text(
                "The extension.", most=AITag._meta.get_field("source").max_length, examples=["local-auto-tagging"]
            ),
        },
        "A tag that an extension found.",
    ),
    "CustomMetadataValue": _VALUE,
    "VersionInfo": _VERSION_INFO,
    "File": FILE,
    "Folder": FOLDER,
    "Metadata": METADATA,
    "BulkJob": JOB,
    "JobStarted": record({"jobId": object_id("Ask `GET /v1/bulkJobs/{jobId}` how far it is.")}),
}
