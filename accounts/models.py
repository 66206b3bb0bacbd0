"""People, workspaces, memberships, API keys, stored secrets and the audit trail."""

import json
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.ids import new_id
from accounts.operators.models import MAX_RETENTION_DAYS as MAX_RETENTION_DAYS
from accounts.operators.models import FeatureState as FeatureState
from accounts.operators.models import FeatureSwitch as FeatureSwitch
from accounts.operators.models import Maintenance as Maintenance
from accounts.operators.models import Plan as Plan
from accounts.operators.models import SystemSetting as SystemSetting
from accounts.operators.support import SupportRights


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        # Lower case throughout, as allauth looks people up.
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator; like everyone, with a workspace of their own."""
        from accounts.authentication.vouching import vouch_for
        from accounts.services import create_workspace

        with transaction.atomic():
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            vouch_for(user)
            create_workspace(user, name=user.default_workspace_name)
        return user


class User(SupportRights, AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField("operator", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_once",
                violation_error_message="Someone with this e-mail address exists already.",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def default_workspace_name(self) -> str:
        return f"{self.name or self.email.split('@')[0]}'s workspace"


class Workspace(models.Model):
    """The tenant: everything a builder makes belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    default_model = models.CharField(
        max_length=200, blank=True, help_text="provider/name, used by model nodes that name none."
    )
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RETENTION_DAYS)],
        help_text="Days that runs are kept after their end; empty: as FLUX_RETENTION_DAYS says.",
    )
    max_running = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Runs that may be at work at once; empty: as the installation has it.",
    )
    # Protected: a plan that goes would take the limits of whoever is on it away.
    plan = models.ForeignKey(
        Plan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="workspaces",
        help_text="What it may use; empty: no limits.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(
        User,
        through="Membership",
        through_fields=("workspace", "user"),
        related_name="workspaces",
    )

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; the table is in accounts.permissions."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    BUILDER = "builder", "Builder"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    """One person's role in one workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.BUILDER)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}: {self.role}"


class Invitation(models.Model):
    """Somebody is asked to join a workspace; of the link's token only the digest is kept.

    One open invitation for each address: inviting again renews it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address", help_text="In small letters.")
    role = models.CharField(max_length=10, choices=Role, default=Role.BUILDER)
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the token."
    )
    mailed = models.BooleanField(
        default=False, help_text="Whether only a mail to the address carried the link."
    )
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace_id}"

    @property
    def is_over(self) -> bool:
        return self.expires_at <= timezone.now()


class ApiKey(models.Model):
    """A bearer token for the REST API, bound to one workspace; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the token.")
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(
        "calls a minute",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Over all web servers; empty: no limit.",
    )
    monthly_budget = models.DecimalField(
        "budget a month",
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars that runs started with it may cost in a month (UTC); empty: any.",
    )

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (flux_{self.prefix}…)"


class RateCount(models.Model):
    """How often something limited was done in its stretch of time; see accounts.counting.

    The key is that of an API key, or a digest of a door and who came to it. The table is unlogged:
    after a crash of the database everybody begins anew.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    began_at = models.DateTimeField(help_text="When the stretch began: with the first time.")
    used = models.PositiveIntegerField(help_text="Times in it, refused ones too.")

    class Meta:
        # Its name of when only calls of keys were counted, which servers of before still use while
        # a new release is brought in.
        db_table = "accounts_keyrate"

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"


class CredentialType(models.TextChoices):
    """What a stored secret opens."""

    ANTHROPIC = "anthropic", "Anthropic"
    OPENAI = "openai", "OpenAI"
    OPENAI_COMPATIBLE = "openai_compatible", "OpenAI-compatible server"
    BEARER = "bearer", "Bearer token"
    BASIC = "basic", "User and password"
    HEADER = "header", "Header"
    POSTGRESQL = "postgresql", "PostgreSQL database"
    MYSQL = "mysql", "MySQL database"
    SMTP = "smtp", "Mail server (SMTP)"
    MCP = "mcp", "MCP server"
    OAUTH2 = "oauth2", "OAuth 2.0 client"


class Credential(models.Model):
    """A secret of a workspace, encrypted; decrypted only inside an activity.

    `settings` is not secret (`base_url`, `header name`); `secret` is MultiFernet ciphertext of
    `{"workspace": id, "value": {…}}`, so that a ciphertext copied to another row is refused.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=24, choices=CredentialType)
    settings = models.JSONField(default=dict, blank=True)
    secret = models.BinaryField(editable=False)
    max_concurrent = models.PositiveIntegerField(
        "calls at once", null=True, blank=True, help_text="Over all workers; empty: no limit."
    )
    requests_per_minute = models.PositiveIntegerField(
        "calls a minute", null=True, blank=True, help_text="Over all workers; empty: no limit."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Of one that a person connects at its provider: when, by whom, as whom the provider knows
    # them, and until when, where it cannot be renewed.
    connected_at = models.DateTimeField(null=True, editable=False)
    connected_by = models.ForeignKey(
        User, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    connected_as = models.CharField(max_length=200, editable=False, default="", db_default="")
    connected_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "name"], name="credential_name_once"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.get_type_display()})"


class AccessToken(models.Model):
    """What an OAuth 2.0 credential was last given by its token server, sealed as its secret is.

    One worker fetches a new one at a time: `fetcher`, whose claim ends at `claimed_until`. It is
    thrown away with every change of the credential.
    """

    credential = models.OneToOneField(
        Credential, models.CASCADE, primary_key=True, related_name="access_token"
    )
    secret = models.BinaryField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    fetcher = models.UUIDField(null=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"access token of {self.credential}"


class Variable(models.Model):
    """A plain value of a workspace, read in expressions as `{{ vars.name }}`."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="variables")
    name = models.SlugField(max_length=63)
    value = models.JSONField(blank=True, null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "name"], name="variable_name_once"),
        )

    def __str__(self) -> str:
        return self.name


class SetupLink(models.Model):
    """The one-time link by which the first person comes in; there is at most one row.

    The link's token is an HMAC of `nonce` under the secret key, so that the database alone does
    not reveal it and `up` can print the same link again. Using the link deletes the row.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    nonce = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="setup_link_single"),)

    def __str__(self) -> str:
        return "set-up link"


class AuditEvent(models.Model):
    """Who did what, when and from where; written by the service that did it.

    Triggers of the table refuse every change and, but for retention, every deletion. Only where a
    workspace or a person is deleted, the reference to it becomes empty.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.SET_NULL, null=True, related_name="audit_events"
    )
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=200, help_text="As the actor was called at the time.")
    action = models.CharField(max_length=60, help_text="As in accounts.permissions: flow.publish")
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict, blank=True)
    via = models.CharField(
        max_length=24,
        default="system",
        db_default="system",  # a process of the release before does not know this column
        help_text="browser, operator, command, system or the beginning of an API key.",
    )
    ip = models.GenericIPAddressField("address", null=True, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(fields=["workspace", "-at"], name="audit_by_workspace"),)
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target_type} {self.target_id}"

    @property
    def shown(self) -> str:
        """Its details as a person reads them."""
        return json.dumps(self.details, indent=2, ensure_ascii=False, sort_keys=True)
