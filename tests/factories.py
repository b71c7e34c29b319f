"""One factory per model. Rows are valid by themselves; an asset comes with a first version whose bytes are not stored.

Tests that need real bytes upload them through the service or the API.
"""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from extensions.models import (
    Backfill,
    ExtensionRun,
    ProviderNotice,
    ProviderState,
    RetiredSecret,
    SavedExtension,
    Turn,
    UnitAlert,
    UnitAlertDismissal,
    UnitEntry,
    UnitLedger,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerHeartbeat,
)
from library.identifiers import new_object_id
from library.models import (
    Account,
    AITag,
    ApiKey,
    Asset,
    AssetVersion,
    AuditEntry,
    BulkJob,
    CustomMetadataField,
    EmbeddedKeyword,
    EmbeddedMetadata,
    Folder,
    Membership,
    NameWord,
    PurgeRequest,
    Rendition,
    SpentToken,
    Tag,
    TagWord,
    UploadReceipt,
    UploadUnderWay,
)
from mediahub.lib import secretbox

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def moment(n: int) -> datetime:
    """One millisecond later for every row, so that sorting by time is sorting by making."""
    return EPOCH + timedelta(milliseconds=n)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")


class AccountFactory(DjangoModelFactory):
    class Meta:
        model = Account

    slug = factory.Sequence(lambda n: f"account-{n}")
    name = factory.Sequence(lambda n: f"Account {n}")
    webhook_secret_token = factory.LazyFunction(lambda: secretbox.encrypt("whsec_" + "A" * 43 + "="))


class ApiKeyFactory(DjangoModelFactory):
    """`private_key` may be given in clear; by default it is derived from the public one."""

    class Meta:
        model = ApiKey

    class Params:
        private_key = factory.LazyAttribute(lambda key: key.public_key.replace("public_", "private_"))

    account = factory.SubFactory(AccountFactory)
    public_key = factory.Sequence(lambda n: f"public_{n:06d}")
    private_key_token = factory.LazyAttribute(lambda key: secretbox.encrypt(key.private_key))
    private_key_sha256 = factory.LazyAttribute(lambda key: secretbox.fingerprint(key.private_key))


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
    role = Membership.Role.EDITOR


class AuditEntryFactory(DjangoModelFactory):
    class Meta:
        model = AuditEntry

    account = factory.SubFactory(AccountFactory)
    actor = "ana"
    action = "key.created"


class FolderFactory(DjangoModelFactory):
    """The root of its account by default; a folder below the root when `path` is given."""

    class Meta:
        model = Folder
        django_get_or_create = ("account", "path")

    account = factory.SubFactory(AccountFactory)
    path = "/"
    name = factory.LazyAttribute(lambda folder: folder.path.rpartition("/")[2])
    depth = factory.LazyAttribute(lambda folder: folder.path.rstrip("/").count("/"))
    created_at = updated_at = factory.Sequence(moment)

    @factory.lazy_attribute
    def parent(self):
        if self.path == "/":
            return None
        return FolderFactory(account=self.account, path=self.path.rpartition("/")[0] or "/")


class AssetFactory(DjangoModelFactory):
    """An asset with its first version, which is current; `version__width=...` reaches that version."""

    class Meta:
        model = Asset
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    folder = factory.SubFactory(FolderFactory, account=factory.SelfAttribute("..account"))
    name = factory.Sequence(lambda n: f"picture-{n:04d}.jpg")
    created_at = updated_at = factory.Sequence(moment)

    @factory.post_generation
    def version(self, create, extracted, **kwargs):
        if create:
            AssetVersionFactory(asset=self, is_current=True, version_id=self.file_id, **kwargs)


class AssetVersionFactory(DjangoModelFactory):
    """A further version of an asset; `is_current=True` also points the asset at it."""

    class Meta:
        model = AssetVersion
        skip_postgeneration_save = True

    asset = factory.SubFactory(AssetFactory)
    version_id = factory.LazyFunction(new_object_id)
    number = factory.LazyAttribute(lambda version: version.asset.versions.count() + 1)
    sha256 = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    blob_key = factory.LazyAttribute(lambda v: f"{v.sha256[:2]}/{v.sha256[2:4]}/{v.sha256}-{v.version_id}")
    size_bytes = 1000
    mime = "image/jpeg"
    width = 640
    height = 480
    orientation = 1
    origin = AssetVersion.Origin.UPLOAD
    created_at = factory.Sequence(moment)

    @factory.post_generation
    def is_current(self, create, extracted, **kwargs):
        if create and extracted:
            self.asset.current_version = self
            self.asset.save(update_fields=["current_version"])


class TagFactory(DjangoModelFactory):
    class Meta:
        model = Tag

    asset = factory.SubFactory(AssetFactory)
    name = factory.Sequence(lambda n: f"tag{n}")


class AITagFactory(DjangoModelFactory):
    class Meta:
        model = AITag

    asset = factory.SubFactory(AssetFactory)
    name = factory.Sequence(lambda n: f"Thing {n}")
    confidence = "87.36"
    source = "local-auto-tagging"
    provider = "local-tagger"
    created_at = EPOCH


class CustomMetadataFieldFactory(DjangoModelFactory):
    """A text field without limits by default."""

    class Meta:
        model = CustomMetadataField

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"field_{n}")
    label = factory.Sequence(lambda n: f"Field {n}")
    schema = factory.LazyFunction(lambda: {"type": "Text"})
    created_at = updated_at = EPOCH


class NameWordFactory(DjangoModelFactory):
    """Triggers write these for the names of assets; the factory adds one."""

    class Meta:
        model = NameWord

    asset = factory.SubFactory(AssetFactory)
    account = factory.SelfAttribute("asset.account")
    word = factory.Sequence(lambda n: f"word{n}")


class TagWordFactory(DjangoModelFactory):
    class Meta:
        model = TagWord

    word = factory.Sequence(lambda n: f"word{n}")
    name = factory.SelfAttribute("word")


class EmbeddedMetadataFactory(DjangoModelFactory):
    class Meta:
        model = EmbeddedMetadata

    version = factory.SelfAttribute("asset.current_version")

    class Params:
        asset = factory.SubFactory(AssetFactory)


class EmbeddedKeywordFactory(DjangoModelFactory):
    class Meta:
        model = EmbeddedKeyword

    metadata = factory.SubFactory(EmbeddedMetadataFactory)
    name = factory.Sequence(lambda n: f"keyword{n}")


class RenditionFactory(DjangoModelFactory):
    class Meta:
        model = Rendition

    version = factory.SelfAttribute("asset.current_version")
    spec = "ik_ml_thumbnail"
    due_at = created_at = EPOCH

    class Params:
        asset = factory.SubFactory(AssetFactory)


class UploadReceiptFactory(DjangoModelFactory):
    class Meta:
        model = UploadReceipt

    api_key = factory.SubFactory(ApiKeyFactory)
    fingerprint = "0" * 64
    file_id = version_id = factory.LazyFunction(new_object_id)
    created_at = EPOCH


class UploadUnderWayFactory(DjangoModelFactory):
    class Meta:
        model = UploadUnderWay

    api_key = factory.SubFactory(ApiKeyFactory)
    fingerprint = "0" * 64
    token = factory.LazyFunction(uuid.uuid4)
    due_at = EPOCH


class SpentTokenFactory(DjangoModelFactory):
    class Meta:
        model = SpentToken

    api_key = factory.SubFactory(ApiKeyFactory)
    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    expires_at = EPOCH


class BulkJobFactory(DjangoModelFactory):
    class Meta:
        model = BulkJob

    account = factory.SubFactory(AccountFactory)
    type = BulkJob.Type.RENAME_FOLDER
    source_path = "/old"
    target_path = "/new"
    due_at = created_at = EPOCH


class PurgeRequestFactory(DjangoModelFactory):
    class Meta:
        model = PurgeRequest

    account = factory.SubFactory(AccountFactory)
    url = "http://127.0.0.1:8000/media/acme/a.jpg"
    created_at = EPOCH


class ExtensionRunFactory(DjangoModelFactory):
    class Meta:
        model = ExtensionRun

    asset = factory.SubFactory(AssetFactory)
    account = factory.SelfAttribute("asset.account")
    file_id = factory.SelfAttribute("asset.file_id")
    version_id = factory.SelfAttribute("asset.current_version.version_id")
    extension = "local-auto-tagging"
    queue = ExtensionRun.Queue.TAGGING
    due_at = created_at = EPOCH


class BackfillFactory(DjangoModelFactory):
    class Meta:
        model = Backfill

    account = factory.SubFactory(AccountFactory)
    blocks = factory.LazyFunction(lambda: [{"name": "local-auto-tagging", "maxTags": 5}])
    actor = "ana"
    due_at = created_at = resumed_at = EPOCH


class ProviderStateFactory(DjangoModelFactory):
    class Meta:
        model = ProviderState

    slug = factory.Sequence(lambda n: f"provider-{n}")


class ProviderNoticeFactory(DjangoModelFactory):
    class Meta:
        model = ProviderNotice

    slug = "fake"
    kind = ProviderNotice.Kind.OPENED
    created_at = factory.Sequence(moment)


class SavedExtensionFactory(DjangoModelFactory):
    class Meta:
        model = SavedExtension

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Configuration {n}")
    description = "Names what it sees"
    config = factory.LazyFunction(lambda: {"name": "local-auto-tagging", "maxTags": 5})
    created_at = updated_at = EPOCH


class UnitLedgerFactory(DjangoModelFactory):
    class Meta:
        model = UnitLedger
        django_get_or_create = ("account", "period_start")

    account = factory.SubFactory(AccountFactory)
    period_start = EPOCH.date()
    created_at = EPOCH


class UnitEntryFactory(DjangoModelFactory):
    """A grant by default. Entries cannot be changed once they are written."""

    class Meta:
        model = UnitEntry

    ledger = factory.SubFactory(UnitLedgerFactory)
    kind = UnitEntry.Kind.GRANT
    amount = 650
    actor = "plan"
    created_at = EPOCH


class UnitAlertFactory(DjangoModelFactory):
    class Meta:
        model = UnitAlert

    ledger = factory.SubFactory(UnitLedgerFactory)
    percent = 50
    used = 325
    allowed = 650
    created_at = due_at = EPOCH


class UnitAlertDismissalFactory(DjangoModelFactory):
    class Meta:
        model = UnitAlertDismissal

    alert = factory.SubFactory(UnitAlertFactory)
    user = factory.SubFactory(UserFactory)
    created_at = EPOCH


class WebhookEndpointFactory(DjangoModelFactory):
    class Meta:
        model = WebhookEndpoint

    account = factory.SubFactory(AccountFactory)
    url = factory.Sequence(lambda n: f"https://receiver.example/hook-{n}")
    events = ["file.created"]
    secret_token = factory.LazyFunction(lambda: secretbox.encrypt("whsec_c2VjcmV0"))
    created_at = updated_at = EPOCH


class RetiredSecretFactory(DjangoModelFactory):
    class Meta:
        model = RetiredSecret

    account = factory.SubFactory(AccountFactory)
    secret_token = factory.LazyFunction(lambda: secretbox.encrypt("whsec_b2xk"))
    until = EPOCH


class WebhookDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = WebhookDelivery

    account = factory.SubFactory(AccountFactory)
    message_id = factory.LazyFunction(lambda: f"msg_{uuid.uuid4().hex}")
    kind = WebhookDelivery.Kind.EXTENSION
    event = "local-auto-tagging"
    url = "http://127.0.0.1:9/hook"
    receiver = "http://127.0.0.1:9"
    body = b'{"service":"local-auto-tagging","status":"SUCCESS"}'
    first_due_at = due_at = created_at = EPOCH


class WebhookAttemptFactory(DjangoModelFactory):
    class Meta:
        model = WebhookAttempt

    delivery = factory.SubFactory(WebhookDeliveryFactory)
    number = factory.LazyAttribute(lambda attempt: attempt.delivery.attempts.count() + 1)
    started_at = EPOCH
    duration_ms = 12
    status = 200


class TurnFactory(DjangoModelFactory):
    class Meta:
        model = Turn

    queue = "tagging"
    key = factory.Sequence(str)
    served_at = EPOCH


class WorkerHeartbeatFactory(DjangoModelFactory):
    class Meta:
        model = WorkerHeartbeat

    node = "node"
    process_id = factory.Sequence(lambda n: n + 1)
    process_started = "1"
    queue = "tagging"
    seen_at = EPOCH
