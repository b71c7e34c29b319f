"""The library's part of the API. Every route is taken with and without a trailing slash (API 1.1)."""

from django.urls import re_path

from library.api import bulk, cache, folders, metadata_fields, moving, reviews
from library.api.absent import ABSENT, COLLECTION_METHODS, ITEM_METHODS, AbsentView
from library.api.file_metadata import FileMetadataView, UrlMetadataView
from library.api.files import FileDetailsView, FileListView, FileView
from library.api.versions import VersionListView, VersionRestoreView, VersionView

_FILE = r"v1/files/(?P<file_id>[^/]+)"
_VERSION = rf"{_FILE}/versions/(?P<version_id>[^/]+)"

_ABSENT = tuple(
    re_path(rf"^{path}{tail}/?$", AbsentView.as_view(what=what, http_method_names=[*methods, "options"]))
    for path, what in ABSENT.items()
    for tail, methods in (("", COLLECTION_METHODS), (r"/(?P<resource_id>[^/]+)", ITEM_METHODS))
)

urlpatterns = [
    re_path(r"^v1/files/batch/deleteByFileIds/?$", bulk.BulkDeleteView.as_view(), name="bulk-delete"),
    re_path(r"^v1/files/addTags/?$", bulk.AddTagsView.as_view(), name="add-tags"),
    re_path(r"^v1/files/removeTags/?$", bulk.RemoveTagsView.as_view(), name="remove-tags"),
    re_path(r"^v1/files/removeAITags/?$", bulk.RemoveAITagsView.as_view(), name="remove-ai-tags"),
    re_path(r"^v1/files/copy/?$", moving.CopyFileView.as_view(), name="file-copy"),
    re_path(r"^v1/files/move/?$", moving.MoveFileView.as_view(), name="file-move"),
    re_path(r"^v1/files/rename/?$", moving.RenameFileView.as_view(), name="file-rename"),
    re_path(r"^v1/files/purge/?$", cache.PurgeView.as_view(), name="purge"),
    re_path(r"^v1/files/purge/(?P<request_id>[^/]+)/?$", cache.PurgeStatusView.as_view(), name="purge-status"),
    re_path(r"^v1/folder/?$", folders.FolderView.as_view(), name="folder"),
    re_path(r"^v1/bulkJobs/copyFolder/?$", folders.CopyFolderView.as_view(), name="copy-folder"),
    re_path(r"^v1/bulkJobs/moveFolder/?$", folders.MoveFolderView.as_view(), name="move-folder"),
    re_path(r"^v1/bulkJobs/renameFolder/?$", folders.RenameFolderView.as_view(), name="rename-folder"),
    re_path(r"^v1/bulkJobs/(?P<job_id>[^/]+)/?$", folders.BulkJobView.as_view(), name="bulk-job"),
    *_ABSENT,
    re_path(r"^api/ai-tags/?$", reviews.AITagListView.as_view(), name="ai-tags"),
    re_path(r"^api/ai-tags/counts/?$", reviews.AITagCountsView.as_view(), name="ai-tag-counts"),
    re_path(r"^api/ai-tags/review/?$", reviews.AITagReviewView.as_view(), name="ai-tag-review"),
    re_path(r"^v1/customMetadataFields/?$", metadata_fields.FieldListView.as_view(), name="metadata-field-list"),
    re_path(
        r"^v1/customMetadataFields/(?P<field_id>[^/]+)/?$", metadata_fields.FieldView.as_view(), name="metadata-field"
    ),
    re_path(r"^v1/files/?$", FileListView.as_view(), name="file-list"),
    re_path(rf"^{_FILE}/?$", FileView.as_view(), name="file"),
    re_path(rf"^{_FILE}/details/?$", FileDetailsView.as_view(), name="file-details"),
    re_path(rf"^{_FILE}/metadata/?$", FileMetadataView.as_view(), name="file-metadata"),
    re_path(r"^v1/metadata/?$", UrlMetadataView.as_view(), name="url-metadata"),
    re_path(rf"^{_FILE}/versions/?$", VersionListView.as_view(), name="version-list"),
    re_path(rf"^{_VERSION}/?$", VersionView.as_view(), name="version"),
    re_path(rf"^{_VERSION}/restore/?$", VersionRestoreView.as_view(), name="version-restore"),
]
