"""E-mail to people who should know: after commit, within a bound, never raising. Alerts of both apps go through here.

Without MEDIAHUB_SMTP_HOST nothing is sent; the notice is a line in the log either way.
"""

from collections.abc import Sequence

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

log = structlog.get_logger(__name__)

LONGEST_SUBJECT = 200


def send_notice(subject: str, body: str, recipients: Sequence[str]) -> None:
    """Send a plain text once the present transaction has committed; outside of one, at once.

    recipients: addresses, each of which gets a message of its own, so that none learns of the others; none is fine.
    A server that is away, silent or unwilling is logged and costs at most EMAIL_TIMEOUT for each step of the talk.
    """
    if not recipients:
        return
    transaction.on_commit(lambda: _send(subject, body, tuple(recipients)), robust=True)


def _send(subject: str, body: str, recipients: tuple[str, ...]) -> None:
    if not settings.EMAIL_HOST:
        log.info("notice_not_mailed", subject=subject, why="MEDIAHUB_SMTP_HOST is not set")
        return
    for recipient in recipients:
        if not mail_now(subject, body, recipient):
            return


def mail_now(subject: str, body: str, recipient: str) -> bool:
    """Send to one address at once and say whether the server took it, for callers whose rows are tried again."""
    if not settings.EMAIL_HOST:
        return False
    # A line break in a subject is refused by Django, and would be another header.
    line = " ".join(subject.split())[:LONGEST_SUBJECT]
    try:
        return send_mail(line, body, settings.DEFAULT_FROM_EMAIL, [recipient]) == 1
    except Exception as error:  # noqa: BLE001 - whatever a mail server does, the work that it tells of is done
        log.warning("notice_not_mailed", subject=line, why=repr(error))
        return False
