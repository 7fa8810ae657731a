"""Tables of the attestation history: evidence, verdicts and outcomes, and never anything of a conversation's content.

A million records stay small because what they have in common (collateral, certificates, event logs, releases, keys) is
kept once, under its SHA-256.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SharedPart(models.Model):
    """Bytes that many records have in common; `digest` is their SHA-256 in hex."""

    digest = models.CharField(max_length=64, unique=True)
    content = models.BinaryField()

    class Meta:
        default_permissions = ()


class Attestation(models.Model):
    """One attestation: what was shown, what was found, who asked, and what became of it.

    `id` is the record's id on the wire. Outcomes are the tiers of EAR; `client_outcome` is empty until an opening was
    tried, and `outcome` is then the worse of both. Digests and measurements are lower-case hex.
    """

    class Outcome(models.TextChoices):
        AFFIRMING = "affirming"
        WARNING = "warning"
        CONTRAINDICATED = "contraindicated"
        NONE = "none"

    class TrustAnchor(models.TextChoices):
        INTEL = "intel"
        SIMULATOR = "simulator"

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, db_index=False)
    conversation = models.UUIDField(null=True)

    # Evidence. The quote is `quote_head` and then the content of `quote_certificates`.
    statement = models.BinaryField()
    deployment_sig = models.BinaryField()
    kem_key = models.BinaryField()
    quote_head = models.BinaryField()
    quote_certificates = models.ForeignKey(SharedPart, on_delete=models.PROTECT, db_index=False, related_name="+")
    collateral = models.ForeignKey(SharedPart, on_delete=models.PROTECT, db_index=False, related_name="+")
    ccel = models.ForeignKey(SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    aael = models.ForeignKey(SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    gpu = models.TextField(blank=True)
    trust_anchor = models.CharField(max_length=9, choices=TrustAnchor)
    simulator_root = models.ForeignKey(
        SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )

    # Verdict.
    server_outcome = models.CharField(max_length=15, choices=Outcome)
    client_outcome = models.CharField(max_length=15, choices=Outcome, blank=True)
    outcome = models.CharField(max_length=15, choices=Outcome)
    accepted_risk = models.BooleanField(default=False)
    checks = models.ForeignKey(SharedPart, on_delete=models.PROTECT, db_index=False, related_name="+")
    failing_check = models.CharField(max_length=32, blank=True)
    failing_code = models.CharField(max_length=32, blank=True)
    verifier = models.ForeignKey(SharedPart, on_delete=models.PROTECT, db_index=False, related_name="+")
    verifier_kind = models.CharField(max_length=16)
    token = models.TextField(blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    # Where several services were asked: who the further ones are, and `{"token","error"}` of each, in the same order.
    other_verifiers = models.ForeignKey(
        SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    other_answers = models.JSONField(default=list)

    # What it is compared with.
    release = models.ForeignKey(SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    keys = models.ForeignKey(SharedPart, on_delete=models.PROTECT, db_index=False, related_name="+")

    # For lists; read from the evidence, empty where it could not be parsed. `measurements`: JSON of all registers.
    measurements = models.ForeignKey(SharedPart, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    release_version = models.CharField(max_length=64, blank=True)
    release_digest = models.CharField(max_length=64, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    mr_td = models.CharField(max_length=96, blank=True)
    tcb_status = models.CharField(max_length=40, blank=True)
    valid_until = models.DateTimeField(null=True)

    requested_at = models.DateTimeField()
    evidence_at = models.DateTimeField()
    verdict_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [("export_evidence", "Can take evidence away")]
        indexes = [
            models.Index(fields=["-verdict_at", "-id"], name="attestation_newest"),
            models.Index(fields=["user", "-verdict_at", "-id"], name="attestation_of_user"),
            models.Index(fields=["outcome", "-verdict_at", "-id"], name="attestation_by_outcome"),
            models.Index(fields=["failing_check", "-verdict_at", "-id"], name="attestation_by_check"),
            models.Index(fields=["measurements", "-verdict_at", "-id"], name="attestation_by_measurements"),
            models.Index(fields=["release_version", "-verdict_at", "-id"], name="attestation_by_release"),
            models.Index(fields=["model_name", "-verdict_at", "-id"], name="attestation_by_model"),
            models.Index(fields=["verifier_kind", "-verdict_at", "-id"], name="attestation_by_verifier"),
            models.Index(fields=["conversation"], name="attestation_of_conversation"),
        ]


class Visit(models.Model):
    """When somebody last looked at the history, and before that: what came since then is new to him."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    previous_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()


class LogHead(models.Model):
    """How many entries the transparency log has; one row, which whoever appends holds."""

    size = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()


class LogEntry(models.Model):
    """One entry of the transparency log, never changed and never removed; `hash` is its leaf hash (32 bytes).

    `salt` opens the entry's commitment and is published to nobody but those who may see what it hides.
    """

    index = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16)
    entry = models.BinaryField()
    hash = models.BinaryField()
    salt = models.BinaryField(null=True)
    record = models.ForeignKey(Attestation, on_delete=models.SET_NULL, null=True, related_name="log_entries")

    class Meta:
        default_permissions = ()


class LogNode(models.Model):
    """The hash (32 bytes) of a full tile one level below: `level` and `index` are those of C2SP tlog-tiles."""

    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="log_node_place")]


class LogCheckpoint(models.Model):
    """A checkpoint that was signed, as its signed note; the newest one stands in a file beside the key first."""

    size = models.BigIntegerField(primary_key=True)
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class WatchRound(models.Model):
    """When the watch last looked, and what it found; one row."""

    ONLY = 1

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=15, choices=Attestation.Outcome)

    class Meta:
        default_permissions = ()


class Concern(models.Model):
    """Something that operators should know, from when it was first seen until it ended (attestation.watch).

    `facts` fill its sentence; `untold` names the channels that were not yet told how it stands.
    """

    class Severity(models.TextChoices):
        CRITICAL = "critical"
        WARNING = "warning"

    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=300)
    severity = models.CharField(max_length=8, choices=Severity)
    facts = models.JSONField(default=dict)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    untold = models.JSONField(default=list)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(ended_at=None), name="one_open_concern"
            )
        ]


class LogCosignature(models.Model):
    """A witness's word about a checkpoint of this size, as the line that stands below its note."""

    size = models.BigIntegerField()
    witness = models.CharField(max_length=255)
    line = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["witness", "size"], name="log_cosignature_of_witness")]
        indexes = [models.Index(fields=["size"], name="log_cosignature_size")]


class WitnessAnswer(models.Model):
    """When a witness was asked last, and the code of what was wrong with its answer, empty where nothing was."""

    name = models.CharField(max_length=255, primary_key=True)
    asked_at = models.DateTimeField()
    fault = models.CharField(max_length=32, blank=True)

    class Meta:
        default_permissions = ()


class VerifyRun(models.Model):
    """One verification of many records: what is looked for, how far it has come, and what it found by then.

    `asked` is the search as it stands in an address; `cursor` the place of the last record done, empty at first.
    `counts` counts findings by name; `found` lists the first records with a finding, as `[record, finding, check]`.
    """

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    asked = models.CharField(max_length=2000, blank=True)
    with_todays_lists = models.BooleanField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    newest_at = models.DateTimeField(null=True)
    oldest_at = models.DateTimeField(null=True)
    reached_at = models.DateTimeField(null=True)
    cursor = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)
    found = models.JSONField(default=list)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["-began_at"], name="verify_run_newest")]


class Proposal(models.Model):
    """A change of what is accepted that one person proposed and another decides on; `seal` is the log key's signature.

    `content` is a policy's file, a release's manifest (then with the release key's `signature`), or the digest (hex)
    of a release that is withdrawn. No row here puts anything in force.
    """

    class Kind(models.TextChoices):
        POLICY = "policy"
        RELEASE = "release"
        WITHDRAWAL = "withdrawal"

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    content = models.BinaryField()
    signature = models.BinaryField(default=b"")
    seal = models.BinaryField()
    reason = models.CharField(max_length=1000)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = [("change_trust", "Can propose and approve policies and releases")]
        indexes = [models.Index(fields=["-proposed_at"], name="proposal_newest")]
