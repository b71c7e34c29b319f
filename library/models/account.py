"""Tenants: an account owns assets, keys and a plan; users belong to it by membership; its changes leave audit lines."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from mediahub.lib import secretbox


class Account(models.Model):
    """A tenant. `slug` is its path in delivery URLs; `webhook_secret` signs the calls to `webhookUrl`."""

    slug = models.SlugField(
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*$", "Use lower-case letters, digits, - and _.")],
        help_text="The account's path in delivery URLs.",
    )
    name = models.CharField(max_length=120, blank=True)
    units_per_month = models.PositiveIntegerField(default=650, help_text="Units granted each UTC calendar month.")
    overage_units = models.PositiveIntegerField(default=0, help_text="Units that may be spent beyond the grant.")
    webhook_secret_token = models.TextField(editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(slug=""), name="account_slug_not_empty")]

    def __str__(self) -> str:
        return self.slug

    @property
    def webhook_secret(self) -> str:
        """The signing secret, `whsec_` + base64 of 32 bytes, decrypted."""
        return secretbox.decrypt(self.webhook_secret_token)


class ApiKey(models.Model):
    """A public and a private key. The private one is kept encrypted (it checks signatures) beside its SHA-256."""

    class Rights(models.TextChoices):
        NONE = "none", "none"
        READ = "read", "read"
        WRITE = "write", "read and write"

    class Group(models.TextChoices):
        """What rights are given in: each view of the API declares its own as `resource_group`."""

        MEDIA = "media", "files and folders"
        CACHE = "cache", "purges"
        EXTENSIONS = "extensions", "saved extensions"
        WEBHOOKS = "webhooks", "webhooks"
        ACCOUNT = "account", "usage and account"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="api_keys")
    label = models.CharField(max_length=80, blank=True)
    public_key = models.CharField(max_length=64, unique=True)
    private_key_token = models.TextField(editable=False)
    private_key_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    is_restricted = models.BooleanField(default=False)
    rights = models.JSONField(default=dict, blank=True, help_text="For a restricted key: resource group to right.")
    disabled_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.public_key

    @property
    def private_key(self) -> str:
        """The private key, decrypted. Shown to people once, when it is made."""
        return secretbox.decrypt(self.private_key_token)

    def allows(self, group: str, right: str) -> bool:
        """Whether the key may `read` or `write` in a resource group; unknown groups are refused."""
        if not self.is_restricted:
            return True
        given = self.rights.get(group, self.Rights.NONE)
        return bool(given == self.Rights.WRITE or (given == self.Rights.READ and right == "read"))


class Membership(models.Model):
    """A Django user in an account: viewers read, editors change assets and run extensions, owners manage the rest."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "viewer"
        EDITOR = "editor", "editor"
        OWNER = "owner", "owner"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "account"], name="one_membership_per_user_and_account"),
            models.CheckConstraint(condition=Q(role__in=["viewer", "editor", "owner"]), name="membership_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account} as {self.role}"

    @property
    def can_edit(self) -> bool:
        return self.role in {self.Role.EDITOR, self.Role.OWNER}


class AuditEntry(models.Model):
    """Who did what to what, for people: one line per administrative act (REL A8)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="audit_entries")
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=300, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-created_at"], name="audit_by_account")]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"
