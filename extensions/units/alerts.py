"""Alerts at 50, 80 and 100 per cent of what a month may cost: raised once, shown as a banner, mailed to owners.

`extensions.units.services` raises them under the ledger's lock, so two requests at once raise one. Mailing is the
sweep's business, out of rows, so that no request waits for a mail server and one that is down loses nothing.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, F, OuterRef, QuerySet

from extensions.models import UnitAlert, UnitAlertDismissal, UnitLedger
from extensions.units.periods import end_of_period, period_of
from library.models import Account, Membership
from mediahub.lib import clock
from mediahub.lib.mail import mail_now

THRESHOLDS = (50, 80, 100)
MAIL_LEASE = timedelta(minutes=15)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MAILED_WITHIN = timedelta(days=7)
"""An alert that could not be mailed for so long tells nobody anything new."""
MOST_RECIPIENTS = 50
MOST_REFUSALS = 3
"""So many messages that were not taken end a try, for the server is more likely away than the addresses are wrong."""


def reached(used: int, allowed: int) -> list[int]:
    """The thresholds that so many of the allowed units reach, lowest first; none while nothing is used."""
    return [percent for percent in THRESHOLDS if used > 0 and used * 100 >= percent * allowed]


def raise_alerts(ledger: UnitLedger, *, used: int, allowed: int, now: datetime) -> None:
    """Write the alerts of thresholds that are reached now and were not by the ledger as it was read under its lock.

    used, allowed: what the ledger comes to in this transaction. A threshold reached again leaves its first alert.
    """
    before = reached(ledger.used, ledger.allowed)
    crossed = [percent for percent in reached(used, allowed) if percent not in before]
    if crossed:
        rows = [
            UnitAlert(ledger=ledger, percent=percent, used=used, allowed=allowed, created_at=now, due_at=now)
            for percent in crossed
        ]
        UnitAlert.objects.bulk_create(rows, ignore_conflicts=True)


@dataclass(frozen=True)
class Banner:
    """What every page of an account says while a threshold is reached and not put away."""

    percent: int
    used: int
    allowed: int
    period_ends: date

    @property
    def is_exhausted(self) -> bool:
        return self.used >= self.allowed


def banner_for(account: Account, user: AbstractBaseUser) -> Banner | None:
    """The highest threshold that is reached at present, unless this person has put it away. One query as a rule."""
    away = UnitAlertDismissal.objects.filter(alert=OuterRef("pk"), user_id=user.pk)
    alerts: QuerySet[Any] = UnitAlert.objects.of_account(account).annotate(is_away=Exists(away))
    newest = list(alerts.select_related("ledger").order_by("-ledger__period_start", "-percent")[: len(THRESHOLDS)])
    if not newest:
        return None
    period = period_of(clock.now())
    for alert in newest:
        ledger = alert.ledger
        if ledger.period_start == period and alert.percent in reached(ledger.used, ledger.allowed):
            ends = end_of_period(period)
            return None if alert.is_away else Banner(alert.percent, ledger.used, ledger.allowed, ends)
    return None


def dismiss(*, account: Account, user: AbstractBaseUser, percent: int, now: datetime) -> None:
    """Put this month's banner away for one person, up to a threshold; a higher one still shows itself."""
    alerts = UnitAlert.objects.of_account(account).filter(ledger__period_start=period_of(now), percent__lte=percent)
    rows = [UnitAlertDismissal(alert=alert, user_id=user.pk, created_at=now) for alert in alerts]
    UnitAlertDismissal.objects.bulk_create(rows, ignore_conflicts=True)


def mail_due_alerts() -> int:
    """Mail the alerts that are due, one message per account to each of its owners; return how many accounts.

    The sweep calls this, in any number of copies: a lease says whose turn it is. When the server takes nothing the
    pass ends, for the next account would meet the same server.
    """
    if not settings.EMAIL_HOST:
        return 0
    mailed = 0
    now = clock.now()
    due = UnitAlert.objects.unsent().filter(due_at__lte=now, created_at__gt=now - MAILED_WITHIN)
    for ledger_id in list(due.order_by("due_at").values_list("ledger_id", flat=True).distinct()):
        alerts = _claim(ledger_id, now=now)
        if not alerts:
            continue
        if not _mail(alerts):
            break
        mailed += 1
    return mailed


def _claim(ledger_id: int, *, now: datetime) -> list[UnitAlert]:
    """Take the lease of a ledger's due alerts, highest first; empty if another sweep was quicker."""
    token = uuid.uuid4()
    due = UnitAlert.objects.unsent().filter(ledger_id=ledger_id, due_at__lte=now)
    due.update(token=token, due_at=now + MAIL_LEASE, attempts=F("attempts") + 1)
    return list(UnitAlert.objects.filter(token=token).select_related("ledger__account").order_by("-percent"))


def _mail(alerts: list[UnitAlert]) -> bool:
    """Send the highest alert to the owners who lack it, and write down how far that came.

    An address that is refused keeps nobody else from theirs, and is tried again later. False: the server took nothing.
    """
    highest = alerts[0]
    mine = UnitAlert.objects.filter(token=highest.token)
    subject, body = _words(highest)
    done, taken, refused = list(highest.sent_to), 0, 0
    for address in owners_addresses(highest.ledger.account):
        if address in done:
            continue
        if mail_now(subject, body, address):
            taken += 1
            done.append(address)
            mine.update(sent_to=done)
        elif (refused := refused + 1) >= MOST_REFUSALS:
            break
    if not refused:
        mine.update(token=None, sent_at=clock.now(), sent_to=done, last_error="")
        return True
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(highest.attempts - 1, 10))
    mine.update(token=None, due_at=clock.now() + wait, last_error="The mail server did not take every message.")
    return taken > 0


def owners_addresses(account: Account) -> list[str]:
    """Addresses of the account's owners who have one and may log in, in a fixed order, each once."""
    owners = Membership.objects.filter(account=account, role=Membership.Role.OWNER, user__is_active=True)
    found = owners.exclude(user__email="").order_by("user_id").values_list("user__email", flat=True)
    return list(dict.fromkeys(found))[:MOST_RECIPIENTS]


def _words(alert: UnitAlert) -> tuple[str, str]:
    """Subject and text of the mail."""
    account, ledger = alert.ledger.account, alert.ledger
    name, month = account.name or account.slug, f"{ledger.period_start:%B %Y}"
    address = f"{settings.MEDIAHUB_PUBLIC_URL}/admin/units/?{urlencode({'account': account.slug})}"
    rest = max(0, alert.allowed - alert.used)
    what_next = (
        "Requests for extensions that cost units are refused until units are added or the month ends."
        if rest == 0
        else f"{rest} are left. Without units, requests for extensions that cost some are refused."
    )
    body = (
        f"On {alert.created_at:%d %B %Y at %H:%M} UTC the account {name} had used {alert.used} of the {alert.allowed} "
        f"units of {month}, those held for open runs included.\n\n{what_next}\n\n"
        f"Balance, forecast and packs: {address}\n"
    )
    return f"{name}: {alert.percent} % of the units of {month} are used", body
