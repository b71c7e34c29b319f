"""Template tags of the admin's pages: sizes and states in words, the side menu, links to previews."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse

from library.desks import Desk, Role
from library.models import AssetVersion
from library.renditions import can_be_rendered

register = template.Library()

BADGES = {
    "queued": "busy",
    "running": "busy",
    "pending": "busy",
    "sending": "busy",
    "succeeded": "good",
    "completed": "good",
    "delivered": "good",
    "applied": "good",
    "failed": "bad",
    "expired": "bad",
    "paused": "warn",
    "gone": "warn",
    "cancelled": "plain",
}
MODEL_ICONS = {"User": "person", "Group": "group", "Account": "corporate_fare", "AuditEntry": "history"}


@dataclass(frozen=True)
class NavItem:
    """One entry of the side menu. key: what a page names as `nav` to have it marked."""

    key: str
    title: str
    icon: str
    role: Role = Role.VIEWER

    @property
    def url(self) -> str:
        return f"admin:{self.key}"


NAVIGATION = (
    (
        "Library",
        (
            NavItem("files", "Library", "photo_library"),
            NavItem("upload", "Upload", "upload", Role.EDITOR),
            NavItem("folders", "Folders", "folder"),
            NavItem("review", "Review", "rule"),
        ),
    ),
    (
        "Work",
        (
            NavItem("runs", "Runs", "play_circle"),
            NavItem("backfills", "Backfills", "library_add_check"),
            NavItem("saved", "Saved extensions", "bookmarks"),
            NavItem("units", "Units", "toll"),
            NavItem("webhooks", "Webhooks", "webhook"),
            NavItem("providers", "Providers", "hub"),
        ),
    ),
    (
        "Account",
        (
            NavItem("metadata-fields", "Metadata fields", "list_alt", Role.OWNER),
            NavItem("keys", "API keys", "key", Role.OWNER),
            NavItem("members", "Members", "group", Role.OWNER),
            NavItem("audit", "Audit", "history", Role.OWNER),
        ),
    ),
)


@register.filter
def nav_groups(desk: Desk) -> list[dict[str, Any]]:
    """The side menu's groups with the entries that the person may open; empty groups are left out."""
    groups = [{"title": title, "items": [item for item in items if desk.may(item.role)]} for title, items in NAVIGATION]
    return [group for group in groups if group["items"]]


@register.filter
def model_icon(object_name: str) -> str:
    """Icon of a model page in the side menu."""
    return MODEL_ICONS.get(object_name, "table_rows")


@register.filter
def badge(state: str) -> str:
    """The kind of badge for a state of a run or a delivery."""
    return BADGES.get(state, "plain")


@register.filter
def filesize(size: int | None) -> str:
    """Bytes in words, in thousands as file managers show them."""
    value = float(size or 0)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


@register.filter
def duration(milliseconds: int | float | None) -> str:
    """A time in words: 340 ms, 2.4 s, 3 min 5 s."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@register.filter
def until(start: datetime | None, end: datetime | None) -> str:
    """The time between two moments in words, a dash while one is missing."""
    return duration((end - start).total_seconds() * 1000 if start and end else None)


@register.filter
def in_words(value: Any) -> str:
    """A custom metadata value for people: yes and no, the items of a list."""
    if isinstance(value, list):
        return ", ".join(in_words(item) for item in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


@register.filter
def as_json(value: Any) -> str:
    """A JSON value, indented for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.simple_tag
def preview_url(file_id: str, version: AssetVersion | None, spec: str) -> str:
    """Address of a version's thumbnail or preview in the admin; "" for what cannot be drawn."""
    if version is None or not can_be_rendered(version):
        return ""
    return reverse("admin:preview", kwargs={"file_id": file_id, "version_id": version.version_id, "spec": spec})


@register.filter
def file_icon(mime: str) -> str:
    """Icon for a type that has no thumbnail."""
    kinds = {"image": "image", "video": "movie", "audio": "music_note", "text": "description"}
    return kinds.get(mime.partition("/")[0], "draft")
