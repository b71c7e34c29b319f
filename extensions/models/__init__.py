"""The nouns of extensions. Import models from here."""

from extensions.models.alerts import UnitAlert, UnitAlertDismissal
from extensions.models.providers import ProviderNotice, ProviderState
from extensions.models.run import ExtensionRun
from extensions.models.saved import SavedExtension
from extensions.models.turns import Turn, WorkerHeartbeat
from extensions.models.units import UnitEntry, UnitLedger
from extensions.models.webhooks import WebhookAttempt, WebhookDelivery

__all__ = [
    "ExtensionRun",
    "ProviderNotice",
    "ProviderState",
    "SavedExtension",
    "Turn",
    "UnitAlert",
    "UnitAlertDismissal",
    "UnitEntry",
    "UnitLedger",
    "WebhookAttempt",
    "WebhookDelivery",
    "WorkerHeartbeat",
]
