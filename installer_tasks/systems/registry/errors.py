"""What goes wrong with a registry, each with its cause and remedy.

Unreachable   NameUnknown NothingAnswers ConnectionLost
TlsFailure    WrongScheme; others as certificates.tls tells them
Refused       Unauthorized TokenRejected OtherSignIn Denied PullOnly QuotaExceeded BodyTooLarge PolicyRefused
Missing       ProjectMissing
Conflict      TagLocked
Busy          RegistryBusy ReadOnly ProxyTimeout StorageFailed UploadLost MissingOnPut
Invalid       BadName NotARegistry ForeignLocation WrongDigest UnexpectedAnswer
IntegrityFailure   SourceDamaged ChangedInTransit
"""

from __future__ import annotations

from installer_tasks.errors import Busy, Conflict, IntegrityFailure, Invalid, Missing, Refused, TlsFailure, Unreachable
from installer_tasks.text import Text
from installer_tasks.text import mark as _


class Later(Busy):
    """Busy, and perhaps told for how long: `wait` is what Retry-After asked for, in seconds."""

    wait: float = 0.0


class NameUnknown(Unreachable):
    code = "registry-name"
    retry = False
    default_remedy = Text(_("Check the host name of the registry, and that this machine's DNS server can resolve it."))


class NothingAnswers(Unreachable):
    code = "registry-unreachable"
    default_remedy = Text(
        _("Check that the registry is running, its port, and the firewalls between this machine and the registry.")
    )


class ConnectionLost(Unreachable):
    code = "registry-connection-lost"
    default_remedy = Text(
        _("If this happens repeatedly, increase the timeouts of the proxies between this machine and the registry.")
    )


class WrongScheme(TlsFailure):
    code = "registry-scheme"
    default_remedy = Text(_("The registry must use TLS on this port. Check the port."))


class Unauthorized(Refused):
    code = "registry-unauthorized"
    default_remedy = Text(
        _("Check the user name and password. For a Harbor robot account, check that it is not expired or disabled.")
    )


class Denied(Refused):
    code = "registry-denied"
    default_remedy = Text(
        _("Give this user permission to push and pull in the project (in Harbor: developer or higher).")
    )


class TokenRejected(Refused):
    code = "registry-token-rejected"
    default_remedy = Text(
        _("Compare the clocks of the registry and of its token service, and the keys with which tokens are signed.")
    )


class OtherSignIn(Refused):
    code = "registry-sign-in"
    default_remedy = Text(
        _("Enable sign-in by Basic or Bearer for this address, or give an address that does not go through a portal.")
    )


class PullOnly(Refused):
    code = "registry-pull-only"
    default_remedy = Text(
        _("Use an ordinary project (Harbor), a hosted repository (Nexus) or a local one (Artifactory), not a cache.")
    )


class QuotaExceeded(Refused):
    code = "registry-quota"
    default_remedy = Text(_("Increase the project's quota in the registry, or free up space in the project."))


class BodyTooLarge(Refused):
    code = "registry-body-too-large"
    default_remedy = Text(
        _("A proxy in front of the registry limits the request size. Remove the limit (nginx: client_max_body_size 0).")
    )


class PolicyRefused(Refused):
    code = "registry-policy"
    default_remedy = Text(_("Ask the registry administrator which policy of the project blocks this image."))


class ProjectMissing(Missing):
    code = "registry-project-missing"
    default_remedy = Text(_("Create the project in the registry first, and make it public."))


class TagLocked(Conflict):
    code = "registry-tag-locked"
    retry = False
    default_remedy = Text(
        _("The tag exists with other content and is immutable. Delete the tag or the immutability rule.")
    )


class RegistryBusy(Later):
    code = "registry-busy"
    default_remedy = Text(_("Wait, then resume; check the load and the log of the registry."))


class ReadOnly(Later):
    code = "registry-read-only"
    default_remedy = Text(
        _("The registry is in read-only mode (maintenance, garbage collection). Turn it off, then resume.")
    )


class ProxyTimeout(Later):
    code = "registry-proxy-timeout"
    default_remedy = Text(_("Increase the read timeout of the proxy in front of the registry."))


class StorageFailed(Later):
    code = "registry-storage"
    default_remedy = Text(_("The registry could not store the content. Check its free disk space and its log."))


class UploadLost(Later):
    code = "registry-upload-lost"
    default_remedy = Text(
        _("Uploads are lost: the registry has several replicas without shared storage, or a proxy changes addresses.")
    )


class MissingOnPut(Later):
    """The registry says that content named by a manifest is absent; `digests` are those it names."""

    code = "registry-content-unknown"
    digests: tuple[str, ...] = ()
    default_remedy = UploadLost.default_remedy


class BadName(Invalid):
    code = "registry-bad-name"
    default_remedy = Text(_("Use lowercase letters, digits and . _ - / in the project and its path."))


class NotARegistry(Invalid):
    code = "registry-not-one"
    default_remedy = Text(_("Enter the address of the registry itself, not of its portal or another service."))


class ForeignLocation(Invalid):
    code = "registry-location"
    default_remedy = Text(
        _("Set the registry's external URL, and X-Forwarded-Proto and Host on the proxy in front of it.")
    )


class WrongDigest(Invalid):
    code = "registry-wrong-digest"
    default_remedy = Text(_("A proxy between this machine and the registry changes the content. Bypass it."))


class UnexpectedAnswer(Invalid):
    code = "registry-answer"
    default_remedy = Text(_("Check the registry's log for this time."))


class SourceDamaged(IntegrityFailure):
    code = "bundle-damaged"


class ChangedInTransit(IntegrityFailure):
    code = "registry-transit"
    retry = True
    default_remedy = Text(
        _("Data changed in transit or in the registry's storage: check proxies, network cards and NFS.")
    )
