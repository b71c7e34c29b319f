"""`manage.py sign_upload PUBLIC_KEY`: what a back end hands a browser for one upload (API 1.3), to try things out.

A back end signs for itself with its private key, by an ImageKit SDK; docs/client-side-uploads.md has the lines.
"""

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from library.models import ApiKey
from library.signing import UPLOAD_WINDOW_S, upload_signature
from mediahub.lib import clock


class Command(BaseCommand):
    help = "Print publicKey, token, expire and signature for one client-side upload, as a JSON object."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("public_key", help="the public part of a key that is in use")
        parser.add_argument("--seconds", type=int, default=1800, help="how long it is good for (1800; below 3600)")
        parser.add_argument("--data", help="data directory (read before the settings)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["seconds"] < UPLOAD_WINDOW_S:
            raise CommandError(f"--seconds must be from 1 to {UPLOAD_WINDOW_S - 1}.")
        api_key = ApiKey.objects.filter(public_key=options["public_key"], disabled_at=None).first()
        if api_key is None:
            raise CommandError("There is no key in use with this public part.")
        token, expire = str(uuid.uuid4()), int(clock.now().timestamp()) + options["seconds"]
        signature = upload_signature(api_key.private_key, token, str(expire))
        facts = {"publicKey": api_key.public_key, "token": token, "expire": expire, "signature": signature}
        self.stdout.write(json.dumps(facts))
