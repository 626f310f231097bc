"""What goes wrong with a registry, each with its cause and remedy.

Unreachable   NameUnknown NothingAnswers ConnectionLost
TlsFailure    WrongScheme UnknownAuthority WrongCertificateName CertificateDates
Refused       Unauthorized Denied QuotaExceeded BodyTooLarge PolicyRefused
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
    default_remedy = Text(_("Check the host name of the registry, and that this machine's DNS server knows it."))


class NothingAnswers(Unreachable):
    code = "registry-unreachable"
    default_remedy = Text(_("Check that the registry is up, its port, and the firewalls in between."))


class ConnectionLost(Unreachable):
    code = "registry-connection-lost"
    default_remedy = Text(
        _("If this happens again and again, raise the time-outs of the proxies between here and the registry.")
    )


class WrongScheme(TlsFailure):
    code = "registry-scheme"
    default_remedy = Text(_("The registry must answer with TLS on this port. Check the port."))


class UnknownAuthority(TlsFailure):
    code = "registry-tls-authority"
    default_remedy = Text(_("Paste the certificate of the authority that signed the registry's certificate, as PEM."))


class WrongCertificateName(TlsFailure):
    code = "registry-tls-name"
    default_remedy = Text(
        _("Use a name that the certificate carries as a subject alternative name, or have it reissued.")
    )


class CertificateDates(TlsFailure):
    code = "registry-tls-dates"
    default_remedy = Text(_("Renew the registry's certificate, and compare this machine's clock."))


class Unauthorized(Refused):
    code = "registry-unauthorized"
    default_remedy = Text(_("Check the user name and password. For a Harbor robot account: is it expired or disabled?"))


class Denied(Refused):
    code = "registry-denied"
    default_remedy = Text(
        _("Give this user the right to push and pull in the project (in Harbor: developer or higher).")
    )


class QuotaExceeded(Refused):
    code = "registry-quota"
    default_remedy = Text(_("Raise the project's quota in the registry, or free space in the project."))


class BodyTooLarge(Refused):
    code = "registry-body-too-large"
    default_remedy = Text(
        _("A proxy in front of the registry limits bodies. Lift its limit (nginx: client_max_body_size 0).")
    )


class PolicyRefused(Refused):
    code = "registry-policy"
    default_remedy = Text(_("Ask the registry's administrator which policy of the project refuses this image."))


class ProjectMissing(Missing):
    code = "registry-project-missing"
    default_remedy = Text(_("Create the project in the registry first, and make it public."))


class TagLocked(Conflict):
    code = "registry-tag-locked"
    retry = False
    default_remedy = Text(_("The tag is locked with other content. Remove the tag or the immutability rule."))


class RegistryBusy(Later):
    code = "registry-busy"
    default_remedy = Text(_("Wait and resume; look at the load and the log of the registry."))


class ReadOnly(Later):
    code = "registry-read-only"
    default_remedy = Text(
        _("The registry is in read-only mode (maintenance, garbage collection). Switch it off, then resume.")
    )


class ProxyTimeout(Later):
    code = "registry-proxy-timeout"
    default_remedy = Text(_("Raise the read time-out of the proxy in front of the registry."))


class StorageFailed(Later):
    code = "registry-storage"
    default_remedy = Text(_("The registry could not store the content: is its disk full? Look at its log."))


class UploadLost(Later):
    code = "registry-upload-lost"
    default_remedy = Text(
        _("Uploads vanish: several replicas of the registry without shared storage, or a proxy that changes addresses.")
    )


class MissingOnPut(Later):
    """The registry says that content named by a manifest is absent; `digests` are those it names."""

    code = "registry-content-unknown"
    digests: tuple[str, ...] = ()
    default_remedy = UploadLost.default_remedy


class BadName(Invalid):
    code = "registry-bad-name"
    default_remedy = Text(_("Use lower case letters, digits and . _ - / in the project and its path."))


class NotARegistry(Invalid):
    code = "registry-not-one"
    default_remedy = Text(_("Give the address of the registry itself, not of its portal or of another service."))


class ForeignLocation(Invalid):
    code = "registry-location"
    default_remedy = Text(
        _("Set the registry's external address, and X-Forwarded-Proto and Host on the proxy in front of it.")
    )


class WrongDigest(Invalid):
    code = "registry-wrong-digest"
    default_remedy = Text(_("Something between here and the registry changes content. Go around that proxy."))


class UnexpectedAnswer(Invalid):
    code = "registry-answer"
    default_remedy = Text(_("Look at the registry's log at this time."))


class SourceDamaged(IntegrityFailure):
    code = "bundle-damaged"


class ChangedInTransit(IntegrityFailure):
    code = "registry-transit"
    retry = True
    default_remedy = Text(
        _("Data changed on the way or in the registry's storage: look at proxies, network cards, NFS.")
    )
