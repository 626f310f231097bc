"""What to do at a provider of a known kind, so that people can sign in to TMC-SM with it: where guides agree."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from installer_tasks.answer_keys import FEDERATED, LDAP
from wizard.steps.base import Words


@dataclass(frozen=True)
class Preset:
    """One kind of provider: an example of its issuer, which directories have none of, and what to set up in order."""

    slug: str
    name: str  #: a product's, the same in every language
    issuer: str
    steps: tuple[Words, ...]

    @property
    def kind(self) -> str:
        """The kind of identity that it is for."""
        return FEDERATED if self.issuer else LDAP


PRESETS = (
    Preset(
        "okta",
        "Okta",
        "https://example.okta.com/oauth2/default",
        (
            gettext_lazy("Create an app integration of type OIDC, Web Application."),
            gettext_lazy("Enable the Authorization Code and Refresh Token grants; for tmc login "
                         "with --basic-auth and for Terraform, also Resource Owner Password."),
            gettext_lazy("Create the two groups, and assign both to the app."),
            gettext_lazy("Add a groups claim to the ID token: name groups, filter Matches regex, value tmc.*, always "
                         "included."),
        ),
    ),
    Preset(
        "keycloak",
        "Keycloak",
        "https://keycloak.example.com/realms/tmc",
        (
            gettext_lazy("Create a client of type OpenID Connect with Client authentication and "
                         "Standard flow on; for tmc login with --basic-auth and for Terraform, "
                         "also Direct access grants."),
            gettext_lazy("Copy the secret from its Credentials tab."),
            gettext_lazy("Add a client scope groups of type Default with the Group Membership "
                         "mapper: token claim name groups, Add to ID token on, Full group path off."),
            gettext_lazy("Create the two groups. Give each user an email address with Email "
                         "verified on, a first and last name, and a password that is not temporary."),
            gettext_lazy("In Keycloak 17 and later, the issuer URL has no /auth before /realms."),
        ),
    ),
    Preset(
        "dex",
        "Dex",
        "https://dex.example.com",
        (
            gettext_lazy("Register a static client with the ID, the secret and the redirect URI."),
            gettext_lazy("Enter the scopes on this page, including groups: openid, offline_access, "
                         "email, profile, groups. Dex sends the claim only if this scope is "
                         "requested."),
        ),
    ),
    Preset(
        "gitlab",
        "GitLab",
        "https://gitlab.example.com",
        (
            gettext_lazy("Create a confidential application with the scopes openid, email and profile."),
            gettext_lazy("Enter the scopes on this page without offline_access, which GitLab "
                         "rejects: openid, email, profile."),
        ),
    ),
    # Source: learn.microsoft.com/entra/identity-platform/ with quickstart-register-app, how-to-add-credentials,
    # optional-claims (groups, additionalProperties, 200 in a JWT), id-token-claims-reference (the endpoint sets an ID
    # token's version, not accessTokenAcceptedVersion) and v2-protocols-oidc (tenants; userinfo at Graph);
    # learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-fed-group-claims (nested groups);
    # learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal (P1);
    # pinniped.dev/docs/howto/supervisor/configure-supervisor-with-azuread.
    Preset(
        "entra",
        "Microsoft Entra ID",
        "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        (
            gettext_lazy("Allow the cluster to reach login.microsoftonline.com and "
                         "graph.microsoft.com; Pinniped uses both."),
            gettext_lazy("Register an app for this organizational directory only, with the "
                         "redirect URI on the platform Web. The issuer URL contains the Directory "
                         "(tenant) ID, not common or organizations."),
            gettext_lazy("Under Certificates & secrets, create a client secret and copy its Value, "
                         "not its ID. It is shown only once, and expires after at most two years."),
            gettext_lazy("Under Enterprise applications, Users and groups, assign the two groups "
                         "to the app (requires Microsoft Entra ID P1). Add users to the groups "
                         "directly: nested groups do not count."),
            gettext_lazy("Under Token configuration, add the groups claim with Groups assigned to "
                         "the application (without P1: Security groups, but then users in more "
                         "than 200 groups get none). Add the optional claims email, family_name "
                         "and given_name to the ID token."),
            gettext_lazy("The claim contains object IDs. Enter those of the two groups on this "
                         "page, or have Entra ID send names for assigned groups: in the manifest, "
                         "under optionalClaims, idToken, set additionalProperties of groups to "
                         "sam_account_name and cloud_displayname."),
        ),
    ),
    # Why not AD FS itself, and the sources: docs/decisions/ad-fs-through-keycloak.md
    Preset(
        "adfs",
        "AD FS",
        "https://keycloak.example.com/realms/tmc",
        (
            gettext_lazy("Do not enter AD FS as the issuer: the Pinniped version in TMC-SM cannot "
                         "refresh its sessions. Use a Keycloak realm in between, and enter its "
                         "issuer."),
            gettext_lazy("In Keycloak, add an identity provider SAML v2.0 from the entity "
                         "descriptor "
                         "https://adfs.example.com/FederationMetadata/2007-06/FederationMetadata.xml, "
                         "with NameID policy format Windows Domain Qualified Name, Want "
                         "AuthnRequests signed on, SAML signature key name CERT_SUBJECT, Trust "
                         "Email on and Sync mode Force."),
            gettext_lazy("In AD FS, add a claims-aware relying party trust from its metadata URL: "
                         "the redirect URI shown by Keycloak, followed by /descriptor."),
            gettext_lazy("In its claim issuance policy, transform Windows account name into Name "
                         "ID, format Windows Qualified Domain Name. Send E-Mail-Addresses, "
                         "Given-Name and Surname as claims. Send each of the two groups as a claim "
                         "of type Group, with its name on this page as the value."),
            gettext_lazy("In Keycloak, add mappers to the identity provider: Attribute Importer "
                         "for email, firstName and lastName, and Advanced Attribute to Group on "
                         "http://schemas.xmlsoap.org/claims/Group for each group."),
            gettext_lazy("Set up the client and the two groups as for Keycloak."),
        ),
    ),
    # Source: pinniped.dev/docs/howto/supervisor/configure-supervisor-with-workspace_one_access (issuer, claims);
    # docs.vmware.com/en/VMware-Workspace-ONE-Access/services/ws1-access-resources/
    # GUID-406D8154-3C32-4AD1-A746-619BDF2CCB70.html (Web Apps); docs.omnissa.com/ with ws1-access-resources-V24.12/
    # AddingOpenIDConnectApplicationstoWorkspaceONEAccess (where the client is) and
    # workspace-one-access-administration-guide-VSaaS/AddanOAuth20UserAccessTokenClienttoWorkspaceONEAccess (types and
    # scopes); theidentityguy.ca/2020/11/10/using-openid-connect-with-workspace-one-access (claims cannot be renamed).
    Preset(
        "workspace-one",
        "Workspace ONE Access",
        "https://access.example.com/SAAS/auth",
        (
            gettext_lazy("Under Resources, Web Apps, add an app with the authentication type "
                         "OpenID Connect, the redirect URI as Redirect URL, and a client ID and "
                         "secret that you choose. Target URL is required, but TMC-SM does not use "
                         "it. If a client type is requested, choose Confidential."),
            gettext_lazy("Assign the app to the two groups."),
            gettext_lazy("Open its client under Settings, OAuth 2.0 Management (earlier: Catalog, "
                         "Settings, Remote App Access). Leave Issue Refresh Token on, and select "
                         "only the scopes OpenID, Email, Profile and Group."),
            gettext_lazy("Enter the scopes on this page, without offline_access: openid, email, profile, group."),
            gettext_lazy("Enter group_names as the groups claim on this page: this provider cannot rename it."),
        ),
    ),
    # No vendor's page was read for the two directories: this is what their administrators commonly do.
    Preset(
        "active-directory",
        "Active Directory",
        "",
        (
            gettext_lazy("Enable LDAPS on the domain controllers: each needs a certificate with "
                         "its own name. With autoenrollment, the enterprise CA issues it "
                         "automatically."),
            gettext_lazy("Create a user as the service account, only in the group Domain Users, "
                         "with Password never expires. Its DN is in the Attribute Editor tab as "
                         "distinguishedName."),
            gettext_lazy("Create the two groups as security groups below one OU, and add users to "
                         "them. For nested groups, use the filter with 1.2.840.113556.1.4.1941."),
            gettext_lazy("Export the root CA certificate as Base-64 encoded X.509: certutil "
                         "-ca.cert root.cer on the CA, then certutil -encode root.cer root.pem."),
        ),
    ),
    Preset(
        "openldap",
        "OpenLDAP",
        "",
        (
            gettext_lazy("Configure slapd to listen on ldaps:///, with olcTLSCertificateFile and "
                         "olcTLSCertificateKeyFile."),
            gettext_lazy("Create a service account with a userPassword, and give it read access to "
                         "users and groups in olcAccess."),
            gettext_lazy("Create the two groups as groupOfNames, with each user's DN as member. "
                         "Filters with a DN find no posixGroup: it contains names, not DNs."),
        ),
    ),
)  # fmt: skip
