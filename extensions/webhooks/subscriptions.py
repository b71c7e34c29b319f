"""Which endpoints of an account are told of an event, asked once per transaction (uploads pay for this, REL K3).

What was read is kept on the connection until its transaction ends. `publish` asks; `endpoints` forgets after a change.
"""

from dataclasses import dataclass, field

from django.db import connection

from extensions.models import WebhookEndpoint


@dataclass
class _Known:
    """An account's endpoints as this transaction sees them, and the receivers that it has woken a worker for."""

    endpoints: list[WebhookEndpoint]
    receivers: set[str] = field(default_factory=set)

    def end_of_transaction(self) -> None:
        """Stands in the connection's list of things to do after commit; being there is all it does."""


def of(account_id: int, event: str) -> list[WebhookEndpoint]:
    """The account's endpoints that are on and ask for the event."""
    known = _known(account_id) or _read(account_id)
    return [endpoint for endpoint in known.endpoints if event in endpoint.events]


def is_first(account_id: int, receiver: str) -> bool:
    """Whether this is the transaction's first delivery to a receiver. Outside of a transaction each is."""
    known = _known(account_id)
    if known is None:
        return True
    is_new = receiver not in known.receivers
    known.receivers.add(receiver)
    return is_new


def forget(account_id: int) -> None:
    """Read anew at the next question: this transaction has changed the account's endpoints."""
    _all().pop(account_id, None)


def _read(account_id: int) -> _Known:
    known = _Known(list(WebhookEndpoint.objects.filter(account_id=account_id, enabled=True)))
    if connection.in_atomic_block:
        for other in list(_all()):
            _known(other)  # drops what earlier transactions left
        _all()[account_id] = known
        connection.on_commit(known.end_of_transaction, robust=True)
    return known


def _known(account_id: int) -> _Known | None:
    """What this transaction has read. Django drops the callback at commit, and at a rollback that takes it back."""
    known = _all().get(account_id)
    if known is None:
        return None
    if any(callback[1] == known.end_of_transaction for callback in connection.run_on_commit):
        return known
    del _all()[account_id]
    return None


def _all() -> dict[int, _Known]:
    kept: dict[int, _Known] | None = connection.__dict__.get("_webhook_subscriptions")
    if kept is None:
        kept = connection.__dict__["_webhook_subscriptions"] = {}
    return kept
