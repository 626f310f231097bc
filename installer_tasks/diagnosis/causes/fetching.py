"""kapp-controller cannot fetch a bundle from the registry (facts F15 to F25)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import ERROR, STAGE, Cause, Rank
from installer_tasks.text import mark as _

FETCH = (ERROR, STAGE)
#: What imgpkg and vendir say around the cause.
_WHERE = r"^(?=.*(?:vendir|imgpkg|Fetching image|repository-failed))"
_READY = "kubectl -n %(namespace)s get packagerepository,packageinstall"

CAUSES = (
    Cause("fetch.unknown-authority", FETCH, _WHERE + r".*?x509: certificate signed by unknown authority",
          _("kapp-controller does not trust the registry's certificate."),
          _("Enter the CA certificate that signed the registry's certificate, then resume. The installer adds it to kapp-controller-config."),
          owner="registry", answer="registry.ca", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.certificate-expired", FETCH, _WHERE + r".*?x509: certificate has expired or is not yet valid",
          _("The registry's certificate has expired, or the clocks of registry and cluster differ."),
          _("Renew the registry's certificate and check the clocks. kapp-controller retries by itself."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.wrong-name", FETCH, _WHERE + r".*?x509: certificate is (?:valid for|not valid for any names)",
          _("The registry's certificate is for another name than the one in the registry project."),
          _("Enter the registry project with a name from the certificate, or reissue the certificate."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.no-san", FETCH, _WHERE + r".*?certificate relies on legacy Common Name field",
          _("The registry's certificate has no subject alternative name, and Go programs reject it."),
          _("Reissue the registry's certificate with its name as a subject alternative name."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.not-found", FETCH, _WHERE + r".*?(?:MANIFEST_UNKNOWN|NAME_UNKNOWN|NOT_FOUND|404 Not Found)",
          _("The registry does not have the package repository."),
          _("Check the registry project, then resume. The installer pushes what is missing."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.unauthorized", FETCH, _WHERE + r".*?(?:UNAUTHORIZED|DENIED|401 Unauthorized|403 Forbidden)",
          _("The registry requires a password, and kapp-controller has none."),
          _("Make the registry project public. kapp-controller retries by itself."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.rate-limit", FETCH, _WHERE + r".*?(?:TOOMANYREQUESTS|429 Too Many)",
          _("The registry limits how often the cluster may pull."),
          _("Raise the registry's limit, or wait until it resets."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.no-such-host", FETCH, _WHERE + r".*?(?:no such host|Temporary failure in name resolution|server misbehaving)",
          _("The cluster cannot resolve the registry's name."),
          _("Add the registry's name to the DNS server that the nodes and CoreDNS use."),
          owner="dns", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.proxy", FETCH, _WHERE + r".*?(?:proxyconnect|Proxy Authentication Required)",
          _("kapp-controller reaches the registry through a proxy, and the proxy does not let it through."),
          _("Add the registry to noProxy in the Secret kapp-controller-config, then restart kapp-controller."),
          owner="cluster", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.plain-http", FETCH, _WHERE + r".*?server gave HTTP response to HTTPS client",
          _("The registry's port speaks HTTP without TLS."),
          _("Enter the registry's TLS port in the registry project."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.refused", FETCH, _WHERE + r".*?connection refused",
          _("Nothing listens on the registry's port."),
          _("Start the registry, or correct its port in the registry project."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.timeout", FETCH, _WHERE + r".*?(?:i/o timeout|context deadline exceeded|Client\.Timeout|no route to host|network is unreachable)",
          _("The cluster does not reach the registry: connections time out."),
          _("Open the registry's port for the cluster's nodes and pods in the firewall."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.server-error", FETCH, _WHERE + r".*?(?:unexpected status code 5\d\d|50[0-4] (?:Internal|Bad|Service|Gateway))",
          _("The registry fails with a server error."),
          _("Check the registry's own logs and storage. kapp-controller retries by itself."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.bad-reference", FETCH, r"could not parse reference|repository can only contain the characters",
          _("The registry project is not a valid image reference."),
          _("Enter the registry project as host/project, without https:// and without a slash at the end."),
          owner="registry", answer="registry.project", proof=_READY, rank=Rank.FIRST),
    Cause("fetch.lock-lost", FETCH, r"images\.yml|ImagesLock|could not be relocated",
          _("The image lock of the bundle is missing: somebody copied it with pull and push."),
          _("Push the release again with the installer, which keeps the lock."),
          owner="registry", proof=_READY, rank=Rank.FIRST),
)  # fmt: skip
