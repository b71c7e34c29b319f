"""Spends tokens of client-side uploads, each once, whatever becomes of the upload (REL A6).

`library.api.client_auth` calls these while it authenticates; the sweep forgets what has expired.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from library.models import ApiKey, SpentToken
from library.services.receipts import VALID_FOR
from mediahub.lib.secretbox import fingerprint


def spend_token(*, api_key: ApiKey, token: str, expires_at: datetime) -> bool:
    """Use a token up and commit that at once; False if it was used before.

    token: the text by which it is one and the same, whatever the spelling on the wire. The commit comes before the
    work, so an upload that fails, hangs or dies with its process has still used its token. Of two requests at once
    the unique constraint lets one win.
    """
    try:
        with transaction.atomic(durable=True):
            SpentToken.objects.create(api_key=api_key, digest=fingerprint(token), expires_at=expires_at)
    except IntegrityError:
        return False
    return True


def is_spent(*, api_key: ApiKey, token: str) -> bool:
    """Whether the token was used before."""
    return SpentToken.objects.filter(api_key=api_key, digest=fingerprint(token)).exists()


def forget_tokens(*, now: datetime) -> int:
    """Forget tokens that have expired; returns how many.

    They stay as long after as an SDK may repeat its upload, so that a repeat is known as one (REL U15).
    """
    return SpentToken.objects.filter(expires_at__lt=now - 2 * VALID_FOR).delete()[0]
