"""One photo through the demo: upload, wait for its runs, look at what came of it. And how that is printed."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from extensions.demo.checks import LEAST_IOU, Photo, mask_iou, missing_tags
from extensions.demo.client import ApiClient
from extensions.demo.receiver import Call, Receiver
from extensions.models import ExtensionRun

BLOCKS = [{"name": "remove-bg"}, {"name": "local-auto-tagging"}]
RUN_WITHIN_S = 180.0
CALL_WITHIN_S = 30.0


@dataclass
class Story:
    """What happened to one photo. `faults` are the reasons why it did not go as it should; empty is success."""

    photo: Photo
    answer: dict[str, Any]
    runs: list[ExtensionRun] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    iou: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def file_id(self) -> str:
        return str(self.answer["fileId"])


def upload(photo: Photo, *, api: ApiClient, webhook_url: str) -> Story:
    """Upload a photo as a client would, asking for both extensions."""
    answer = api.upload(
        name=photo.path.name,
        data=photo.path.read_bytes(),
        folder="/demo",
        tags="demo",
        extensions=json.dumps(BLOCKS),
        webhookUrl=webhook_url,
    )
    return Story(photo, answer)


def follow(story: Story, *, api: ApiClient, receiver: Receiver) -> None:
    """Wait for the photo's runs and webhook calls, then fetch the results and judge them."""
    story.runs = _wait_for_runs(story.file_id)
    pending = [name for name, status in story.answer.get("extensionStatus", {}).items() if status == "pending"]
    story.calls = _wait_for_calls(story.file_id, receiver, count=len(pending))
    story.details = api.details(story.file_id)
    for run in story.runs:
        if run.state != ExtensionRun.State.SUCCEEDED:
            story.faults.append(f"{run.extension} is {run.state}: {run.error_code} {run.error_message}".rstrip())
    if len(story.calls) < len(pending):
        story.faults.append(f"{len(story.calls)} of {len(pending)} webhook calls came")
    story.faults += [f"webhook call {call.message_id} was not verified" for call in story.calls if not call.is_verified]
    names = [tag["name"] for tag in story.details.get("AITags") or []]
    story.faults += [f"tag {name!r} is missing" for name in missing_tags(story.photo, names)]
    if story.photo.mask:
        story.iou = mask_iou(api.download(story.details["url"]), story.photo.mask)
        if story.iou < LEAST_IOU:
            story.faults.append(f"the cut-out matches its mask by {story.iou:.3f} only")


def show(story: Story, console: Console) -> None:
    """Print one photo's table."""
    table = Table(title=story.photo.path.name, title_justify="left", show_header=False, title_style="bold")
    table.add_column()
    table.add_column(overflow="fold")  # addresses are there to be copied
    tags = story.details.get("AITags") or []
    version = story.details.get("versionInfo", {})
    table.add_row("uploaded as", f"{story.answer['filePath']} ({story.file_id})")
    table.add_row("extensionStatus", json.dumps(story.answer.get("extensionStatus", {})))
    table.add_row("AI tags", ", ".join(f"{tag['name']} {tag['confidence']}" for tag in tags) or "none")
    for run in story.runs:
        duration = (
            f" in {(run.finished_at - run.started_at).total_seconds():.2f} s"
            if run.started_at and run.finished_at
            else ""
        )
        units = f"{run.units} units"
        table.add_row(run.extension, f"{run.state} by {run.provider} {run.model}{duration}, {units}")
    table.add_row("current version", f"{version.get('name', '')}: {story.details.get('url', '')}")
    if story.iou is not None:
        table.add_row("cut-out against mask", f"IoU {story.iou:.3f}")
    for call in story.calls:
        checks = ", ".join(f"{library} {result}" for library, result in call.verified.items())
        table.add_row("webhook call", f"{call.body.get('service')} {call.body.get('status')}: {checks}")
    for fault in story.faults:
        table.add_row("[red]fault[/red]", fault)
    console.print(table)


def _wait_for_runs(file_id: str) -> list[ExtensionRun]:
    """The file's runs once all are over, or as they stand when the time is up."""
    end = time.monotonic() + RUN_WITHIN_S
    while True:
        runs = list(ExtensionRun.objects.filter(file_id=file_id).order_by("extension"))
        if all(run.is_terminal for run in runs) or time.monotonic() > end:
            return runs
        time.sleep(0.2)


def _wait_for_calls(file_id: str, receiver: Receiver, *, count: int) -> list[Call]:
    end = time.monotonic() + CALL_WITHIN_S
    while True:
        calls = [call for call in list(receiver.calls) if call.file_id == file_id]
        if len(calls) >= count or time.monotonic() > end:
            return calls
        time.sleep(0.1)
