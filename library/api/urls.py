"""The library's part of the API. Every route is taken with and without a trailing slash (API 1.1)."""

from django.urls import re_path

from library.api.files import FileDetailsView, FileListView, FileView
from library.api.versions import VersionListView, VersionRestoreView, VersionView

_FILE = r"v1/files/(?P<file_id>[^/]+)"
_VERSION = rf"{_FILE}/versions/(?P<version_id>[^/]+)"

urlpatterns = [
    re_path(r"^v1/files/?$", FileListView.as_view(), name="file-list"),
    re_path(rf"^{_FILE}/?$", FileView.as_view(), name="file"),
    re_path(rf"^{_FILE}/details/?$", FileDetailsView.as_view(), name="file-details"),
    re_path(rf"^{_FILE}/versions/?$", VersionListView.as_view(), name="version-list"),
    re_path(rf"^{_VERSION}/?$", VersionView.as_view(), name="version"),
    re_path(rf"^{_VERSION}/restore/?$", VersionRestoreView.as_view(), name="version-restore"),
]
