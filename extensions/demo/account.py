"""The demo's account and administrator, made at its first start and found again at the next.

Keys and password are remembered in `demo.json` of the data directory, mode 600, because the database only keeps the
private parts encrypted and shows them once.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from extensions.units import services as units
from library.models import Account, ApiKey, Membership
from library.services.accounts import create_account, create_api_key
from mediahub.lib import clock, secretbox

SLUG = "demo"
UNITS_PER_MONTH = 5_000


@dataclass(frozen=True)
class DemoAccount:
    """What the demo needs to log in, as program and as person."""

    public_key: str
    private_key: str
    webhook_secret: str
    username: str
    password: str


def prepare_account(*, units_needed: int) -> DemoAccount:
    """Make or find account, key and administrator, and see to it that the month's units suffice."""
    path = Path(settings.MEDIAHUB_DATA_DIR) / "demo.json"
    demo = _remembered(path) or _make()
    _write(path, demo)
    account = Account.objects.get(slug=SLUG)
    available = units.balance(account, now=clock.now()).available
    if available < units_needed:
        units.grant(account=account, amount=UNITS_PER_MONTH, actor="demo", reason="the demo was run again")
    return demo


def _remembered(path: Path) -> DemoAccount | None:
    """The remembered account, if the database still knows its key and its administrator."""
    try:
        demo = DemoAccount(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    key_known = ApiKey.objects.filter(private_key_sha256=secretbox.fingerprint(demo.private_key), disabled_at=None)
    user = get_user_model()._default_manager.filter(username=demo.username).first()
    return demo if key_known.exists() and user and user.check_password(demo.password) else None


@transaction.atomic
def _make() -> DemoAccount:
    account = Account.objects.filter(slug=SLUG).first()
    if account is None:
        new = create_account(slug=SLUG, units_per_month=UNITS_PER_MONTH, name="Demo")
        account, public_key, private_key = new.account, new.public_key, new.private_key
    else:
        key = create_api_key(account=account, label="demo")
        public_key, private_key = key.public_key, key.private_key
    password = secrets.token_urlsafe(12)
    user, _ = get_user_model()._default_manager.get_or_create(username="admin")
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    Membership.objects.update_or_create(account=account, user=user, defaults={"role": Membership.Role.OWNER})
    return DemoAccount(public_key, private_key, account.webhook_secret, "admin", password)


def _write(path: Path, demo: DemoAccount) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(demo), file)
