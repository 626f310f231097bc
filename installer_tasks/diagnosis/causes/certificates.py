"""A certificate is not issued (facts F42 to F47)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import EVENT, OBJECT, STAGE, Cause, Rank
from installer_tasks.text import mark as _

SIGNED = (OBJECT, EVENT, STAGE)
_READY = "kubectl -n %(namespace)s get certificate,certificaterequest"

CAUSES = (
    Cause("certificate.denied", SIGNED, r"^Denied: |The CertificateRequest was denied",
          _("An approval policy denied the certificate request %(name)s."),
          _("Allow the public names for this issuer in the approval policy, then resume."),
          owner="certificates", answer="certificates.cluster_issuer", proof=_READY, settles=0),
    Cause("certificate.no-policy", SIGNED, r"No policy approved this request",
          _("No approval policy applies to the certificate request %(name)s."),
          _("Add an approval policy for this issuer and the namespace %(namespace)s."),
          owner="certificates", answer="certificates.cluster_issuer", proof=_READY, settles=20),
    Cause("certificate.no-issuer", SIGNED, r"Referenced \"?(?P<kind>ClusterIssuer|Issuer)\"? not found",
          _("The issuer that the certificates name does not exist."),
          _("Enter the name of a ClusterIssuer; a namespaced Issuer does not work."),
          owner="certificates", answer="certificates.cluster_issuer", proof="kubectl get clusterissuer", settles=20),
    Cause("certificate.ca-secret", SIGNED, r"(?:Error getting keypair for CA issuer|secret \"(?P<secret>[^\"]+)\" not found.*CA issuer)",
          _("The issuer does not find the Secret with its CA certificate."),
          _("Put the Secret into the namespace cert-manager."),
          owner="certificates", proof="kubectl get clusterissuer", settles=20),
    Cause("certificate.ca-expired", SIGNED, r"(?:signing CA|CA certificate).{0,40}expired",
          _("The CA certificate of the issuer has expired."),
          _("Renew the CA certificate in the Secret of the issuer, then enter it here."),
          owner="certificates", answer="certificates.ca", proof="kubectl get clusterissuer", settles=20),
    Cause("certificate.rate-limit", SIGNED, r"rateLimited|too many (?:certificates|failed authorizations|new orders)",
          _("The ACME server limits how many certificates it issues."),
          _("Wait until the limit resets, or use a CA issuer."),
          owner="certificates", answer="certificates.cluster_issuer", proof=_READY, settles=20),
    Cause("certificate.acme-account", SIGNED, r"(?:acme: account|accountDoesNotExist|Failed to register ACME account)",
          _("The ACME server does not know the account of the issuer."),
          _("Let cert-manager register again: delete the account's private key Secret."),
          owner="certificates", proof="kubectl get clusterissuer", settles=60),
    Cause("certificate.vault", SIGNED, r"(?:Vault|Venafi)\b.*(?:permission denied|failed to sign|forbidden|sealed|403|503)",
          _("Vault or Venafi refuses to sign."),
          _("Check role and policy of the issuer there: they must allow the public names."),
          owner="certificates", proof=_READY, settles=30),
    Cause("certificate.acme-dns", SIGNED, r"(?:DNS-01|dns01|propagation check failed|TXT record)",
          _("The ACME challenge waits for a DNS record that cert-manager does not see."),
          _("Start cert-manager with --dns01-recursive-nameservers-only and public name servers, or use a CA issuer."),
          owner="dns", proof="kubectl -n %(namespace)s get challenge", settles=300),
    Cause("certificate.acme-http", SIGNED, r"(?:HTTP-01|http01|self check|wrong status code '\d+')",
          _("The ACME challenge is not reachable over HTTP."),
          _("Use a DNS-01 or a CA issuer: the public names do not serve yet."),
          owner="certificates", answer="certificates.cluster_issuer", proof="kubectl -n %(namespace)s get challenge", settles=120),
    Cause("certificate.failed", SIGNED, r"(?:^|: )(?:Failed|InvalidRequest|BadConfig): (?P<words>.+)",
          _("The issuer refuses to sign %(name)s."),
          _("Check the issuer with the message below."),
          owner="certificates", proof=_READY, rank=Rank.GENERAL, settles=45),
    Cause("certificate.pending", (OBJECT,), r"^(?:Pending|DoesNotExist|Issuing|IncorrectCertificate|SecretMismatch): ",
          _("The certificate %(name)s is not issued yet."),
          _("Check that cert-manager is running and that its issuer is ready."),
          owner="certificates", proof=_READY, rank=Rank.SYMPTOM, settles=55),
    Cause("proxy.invalid", (OBJECT,), r"^(?:invalid|orphaned): (?P<words>.*)",
          _("Contour rejects the route %(name)s."),
          _("Check that its TLS Secret exists and that no other Contour serves the same name."),
          owner="services", proof="kubectl -n %(namespace)s get httpproxy", rank=Rank.GENERAL, settles=55),
)  # fmt: skip
