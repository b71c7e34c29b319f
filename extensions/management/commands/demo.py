"""`manage.py demo`: start everything, send six photos through the public API, and show what became of them.

Nothing here is a shortcut: `up` runs as its own process, photos go over HTTP, webhooks come back over HTTP.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from extensions.demo.account import DemoAccount, prepare_account
from extensions.demo.checks import demo_photos
from extensions.demo.client import ApiClient
from extensions.demo.receiver import HOST, Receiver
from extensions.demo.story import BLOCKS, Story, follow, show, upload
from extensions.units import services as units
from extensions.units.pricing import price_of
from library.models import Account
from mediahub.lib import clock

READY = "ready "


class Command(BaseCommand):
    help = "Run MediaHub with a demo account, upload six photos with both local extensions, and show the results."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after the print-out; status 0 if all went well")
        parser.add_argument("--port", type=int, default=8000, help="port of site and API (default 8000)")
        parser.add_argument("--data", help="data directory (default var/demo; read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        if "MEDIAHUB_DATA_DIR" not in os.environ:
            _start_again_with(settings.BASE_DIR / "var" / "demo")
        _refuse_fake_providers()
        _refuse_taken_port(options["port"])
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        console = Console(soft_wrap=True)
        try:
            with _running_up(options["port"], console) as url:
                faults = _tell(console, url)
                if not options["once"]:
                    console.print("Serving until Ctrl-C.")
                    signal.pause()
        except KeyboardInterrupt:
            return
        if faults:
            raise CommandError(f"{faults} things did not go as they should.")


def _tell(console: Console, url: str) -> int:
    """The demo itself; returns how many faults there were."""
    photos = demo_photos()
    needed = price_of([block["name"] for block in BLOCKS], files=len(photos))
    demo = prepare_account(units_needed=needed)
    before = _units()
    api = ApiClient(base_url=url, private_key=demo.private_key)
    stories: list[Story] = []
    with Receiver(demo.webhook_secret) as receiver:
        for photo in photos:
            stories.append(upload(photo, api=api, webhook_url=receiver.url))
            console.print(f"uploaded {photo.path.name}: {stories[-1].answer.get('extensionStatus')}")
        for story in stories:
            follow(story, api=api, receiver=receiver)
            show(story, console)
    after = _units()
    console.print(f"units   before: {_in_words(before)}   after: {_in_words(after)}")
    _print_access(console, url, demo)
    return sum(len(story.faults) for story in stories)


def _print_access(console: Console, url: str, demo: DemoAccount) -> None:
    console.print(f"admin   {url}/admin/   user {demo.username}   password {demo.password}")
    console.print(f"API     {url}   private key {demo.private_key}")


def _units() -> units.Balance:
    return units.balance(Account.objects.get(slug="demo"), now=clock.now())


def _in_words(balance: units.Balance) -> str:
    return f"{balance.available} available, {balance.held} held, {balance.spent} spent"


def _start_again_with(data_dir: Path) -> None:
    """Begin anew with the demo's own data directory: settings read it once, at the start of a process."""
    os.environ["MEDIAHUB_DATA_DIR"] = str(data_dir)
    os.execv(sys.executable, [sys.executable, str(settings.BASE_DIR / "manage.py"), *sys.argv[1:]])  # noqa: S606


def _refuse_fake_providers() -> None:
    for name, chain in settings.MEDIAHUB_PROVIDER_CHAINS.items():
        if "fake" in chain:
            raise CommandError(f"The demo shows real results; the provider chain of {name} names the fake provider.")


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(f"Port {port} is taken; choose another one with --port.") from error


@contextmanager
def _running_up(port: int, console: Console) -> Iterator[str]:
    """Run `manage.py up` until the block ends; gives its address once it is ready."""
    allowed = ",".join(filter(None, [os.environ.get("MEDIAHUB_ALLOWED_PRIVATE_NETWORKS"), f"{HOST}/32"]))
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "up", "--port", str(port)]
    process = subprocess.Popen(
        command,
        env=os.environ | {"MEDIAHUB_ALLOWED_PRIVATE_NETWORKS": allowed},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            console.print(line.rstrip(), style="dim", highlight=False)
            if line.startswith(READY):
                break
        else:
            raise CommandError("MediaHub did not start; its own words stand above.")
        yield line.removeprefix(READY).strip()
    finally:
        process.send_signal(signal.SIGTERM)
        for line in process.stdout:
            console.print(line.rstrip(), style="dim", highlight=False)
        process.wait()
