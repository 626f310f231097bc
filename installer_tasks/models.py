"""The truth: workspaces, installations, their answers and findings; runs, their stages and journal.

Everything a page shows is a row here. State changes are guarded in SQL: an UPDATE that filters on the state (and, for
runs, on the lease token) and looks at the row count. Only `journal.py` writes events.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from installer_tasks import answer_keys
from installer_tasks.local import log_redaction
from installer_tasks.local.redaction import Redactor
from installer_tasks.local.secrets import Box, keyring, new_data_key

SECRET_COLUMN = "Answer.sealed"  # noqa: S105 - the name of a column
PLAN_COLUMN = "Run.sealed_plan"


class Workspace(models.Model):
    """A customer: owns installations and its own encryption key."""

    name = models.CharField(max_length=100, unique=True)
    sealed_data_key = models.TextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.sealed_data_key:
            self.sealed_data_key = new_data_key(keyring(settings.KEYRING_FILE))
        super().save(*args, **kwargs)

    @functools.cached_property
    def box(self) -> Box:
        """Seals and opens this workspace's secrets."""
        return Box(keyring(settings.KEYRING_FILE), self.sealed_data_key)


class Role(models.TextChoices):
    """What a member may do at a workspace. Administrators (superusers) may do everything everywhere."""

    INSTALLER = "installer", "answers, waives, installs, undoes"
    VIEWER = "viewer", "reads, and changes nothing"


class Membership(models.Model):
    """A person's role at a workspace. Without one there, its installations do not exist for them."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "person"], name="one_role_a_member")]

    def __str__(self) -> str:
        return f"{self.person}: {self.role} at {self.workspace}"


class Installation(models.Model):
    """One saved session. `revision` grows with every change a page could show; wizard/live.py sends it."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="installations")
    name = models.CharField(max_length=100)
    step = models.CharField(max_length=20, default=answer_keys.STEPS[0], help_text="where the person was last")
    revision = models.PositiveBigIntegerField(default=0)
    practice = models.BooleanField(default=False, help_text="made against the practice estate")
    needed_again = models.JSONField(default=dict, help_text="secrets taken back, each with the answer that did it")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return self.name

    def touch(self) -> None:
        """Something on this installation's pages changed."""
        Installation.objects.filter(pk=self.pk).update(revision=models.F("revision") + 1, changed_at=timezone.now())

    def plain_answers(self) -> dict[str, str]:
        """Every answer in clear, secrets included; for collectors and plans, never for pages."""
        return {answer.key: answer.reveal() for answer in self.answers.select_related("installation__workspace")}

    def fingerprints(self) -> dict[str, str]:
        return dict(self.answers.values_list("key", "fingerprint"))

    def redactor(self) -> Redactor:
        """Redacts the secrets that are this installation's answers now."""
        return Redactor(answer_keys.secret_texts(self.plain_answers()))


class Source(models.TextChoices):
    """Where an answer's value came from."""

    DEFAULT = "default"
    FOUND = "found"
    TEMPLATE = "template"
    IMPORT = "import"
    GENERATED = "generated"
    PERSON = "person"


class Answer(models.Model):
    """A value with its source. A secret's value stands in `sealed` only; `value` stays empty."""

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="answers")
    key = models.CharField(max_length=60)
    value = models.TextField(blank=True)
    sealed = models.TextField(blank=True, editable=False)
    fingerprint = models.CharField(max_length=32)
    source = models.CharField(max_length=10, choices=Source.choices)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return self.key

    @property
    def secret(self) -> bool:
        return self.key in answer_keys.SECRETS

    def reveal(self) -> str:
        """The value in clear. A page never calls this for a secret."""
        if not self.sealed:
            return self.value
        plain = self.installation.workspace.box.open(SECRET_COLUMN, self.sealed)
        log_redaction.remember(plain)
        return plain


class Observation(models.Model):
    """The facts of one system, redacted, as last collected."""

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="observations")
    system = models.CharField(max_length=20)
    facts = models.JSONField(default=dict)
    requested_at = models.DateTimeField(null=True, help_text="somebody wants it collected")
    started_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)
    only = models.JSONField(default=list, help_text="names of the checks that are asked for; empty: all of them")
    progress = models.JSONField(default=dict, help_text="of a large file that is being read: its name, bytes, size")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "system"], name="one_observation_a_system")]

    def __str__(self) -> str:
        return self.system

    @property
    def running(self) -> bool:
        """A collection is asked for or under way."""
        if self.requested_at is None:
            return False
        return self.collected_at is None or self.collected_at < self.requested_at


class Finding(models.Model):
    """A check's outcome. `reads` holds the fingerprints of the answers it judged: when they differ it is stale."""

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="findings")
    check_name = models.CharField(max_length=60)
    level = models.CharField(max_length=10)
    verdict = models.JSONField(help_text="message, value, cause, remedy, command, evidence; redacted")
    reads = models.JSONField(default=dict)
    judged_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "check_name"], name="one_finding_a_check")]

    def __str__(self) -> str:
        return f"{self.check_name}: {self.level}"


class Waiver(models.Model):
    """A person's reasoned, dated acceptance of a failed check, or of a warning."""

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="waivers")
    check_name = models.CharField(max_length=60)
    of_warning = models.BooleanField(default=False, help_text="holds for the warning alone, not if the check fails")
    reason = models.TextField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "check_name"], name="one_waiver_a_check")]

    def __str__(self) -> str:
        return self.check_name


class RunState(models.TextChoices):
    """queued → running → succeeded | failed | cancelled, with cancelling between."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})
ACTIVE = frozenset(set(RunState) - FINAL)


class RunKind(models.TextChoices):
    """What a run is for; both ways of undoing leave the registry as it is."""

    INSTALL = "install"
    UNDO = "undo", "removes the packages; volumes with their data stay"
    UNDO_ALL = "undo-all", "removes the namespace too, and with it every volume"


class Run(models.Model):
    """One attempt to carry out a plan, or to undo it. The lease columns belong to `lease.py`."""

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="runs")
    attempt = models.PositiveIntegerField(help_text="1 for the first run of the installation")
    kind = models.CharField(max_length=10, choices=RunKind.choices, default=RunKind.INSTALL)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    sealed_plan = models.TextField(editable=False, help_text="the frozen answers, sealed as a whole")
    release = models.CharField(max_length=20)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=100, blank=True)
    deliveries = models.PositiveIntegerField(default=0, help_text="how often a worker has taken it up")
    last_seq = models.PositiveBigIntegerField(default=0)
    error = models.JSONField(null=True)

    class Meta:
        ordering = ["-attempt"]
        constraints = [
            models.UniqueConstraint(fields=["installation", "attempt"], name="one_run_an_attempt"),
            models.UniqueConstraint(
                fields=["installation"],
                condition=models.Q(state__in=["queued", "running", "cancelling"]),
                name="one_active_run_an_installation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.installation} #{self.attempt}"

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def undoes(self) -> bool:
        return self.kind != RunKind.INSTALL


class StageState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    KEPT = "kept", "was already done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StageRun(models.Model):
    """One stage within a run, with the progress a page shows."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="stages")
    slug = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=StageState.choices, default=StageState.WAITING)
    reads = models.CharField(max_length=32, help_text="fingerprint of the answers it reads")
    progress = models.JSONField(default=dict)
    waiting_for = models.JSONField(null=True, help_text="a Text: what it waits for now")
    waiting_since = models.DateTimeField(null=True)
    error = models.JSONField(null=True)
    diagnosis = models.JSONField(null=True, help_text="why it failed or stands still: causes, chain, places to look")
    facts = models.JSONField(null=True, help_text="what the cluster said when it failed; redacted")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "slug"], name="one_row_a_stage")]

    def __str__(self) -> str:
        return self.slug


class Event(models.Model):
    """One row of a run's journal: append-only, gapless `seq`, each hash over the one before."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    stage = models.CharField(max_length=40, blank=True)
    level = models.CharField(max_length=10, default="info")
    code = models.CharField(max_length=60, help_text="rendered in the viewer's language; see messages.py")
    params = models.JSONField(default=dict)
    text = models.TextField(blank=True, help_text="raw tool output only")
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_a_seq")]

    def __str__(self) -> str:
        return f"{self.seq} {self.code}"


class AuditEntry(models.Model):
    """Who did what to which installation; written by the web side, never changed."""

    at = models.DateTimeField(default=timezone.now)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    installation = models.ForeignKey(Installation, models.SET_NULL, null=True, related_name="audit")
    action = models.CharField(max_length=60)
    detail = models.JSONField(default=dict, help_text="old and new values of answers; of secrets keyed fingerprints")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.action


class BundleFolder(models.Model):
    """A folder that an administrator has opened: installers may name the bundles below it."""

    path = models.CharField(max_length=1000, unique=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class ConfirmedProgram(models.Model):
    """A program of the vendor that may run: its content, and what it looked like to whoever confirmed it."""

    sha256 = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=4096)
    owner = models.CharField(max_length=100)
    mode = models.CharField(max_length=4)
    size = models.PositiveBigIntegerField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    confirmed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-confirmed_at"]

    def __str__(self) -> str:
        return self.sha256


class SignInLink(models.Model):
    """A one-time link printed on the console; only its digest is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user}"

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()
