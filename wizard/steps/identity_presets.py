"""What to do at a provider of a known kind, so that people can sign in to TMC-SM with it: where guides agree."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from wizard.steps.base import Words


@dataclass(frozen=True)
class Preset:
    """One kind of provider: an example of its issuer, and what to set up there, in this order."""

    slug: str
    name: str  #: a product's, the same in every language
    issuer: str
    steps: tuple[Words, ...]


PRESETS = (
    Preset(
        "okta",
        "Okta",
        "https://example.okta.com/oauth2/default",
        (
            gettext_lazy("Create an app integration of type OIDC, Web Application."),
            gettext_lazy("Enable the grants Authorization Code and Refresh Token; for tmc login with --basic-auth and "
                         "for Terraform also Resource Owner Password."),
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
            gettext_lazy("Create a client of type OpenID Connect with Client authentication and Standard flow on; "
                         "Direct access grants too for tmc login with --basic-auth and for Terraform."),
            gettext_lazy("Copy the secret from its tab Credentials."),
            gettext_lazy("Add a client scope groups of type Default with the mapper Group Membership: token claim name "
                         "groups, Add to ID token on, Full group path off."),
            gettext_lazy("Create the two groups, and give each person an e-mail address with Email verified on, first "
                         "and last name, and a password that is not temporary."),
            gettext_lazy("From Keycloak 17 on the issuer has no /auth before /realms."),
        ),
    ),
    Preset(
        "dex",
        "Dex",
        "https://dex.example.com",
        (
            gettext_lazy("Register a static client with the ID, the secret and the redirect URI."),
            gettext_lazy("Name the scopes on this page, groups among them: openid, offline_access, email, profile, "
                         "groups. Dex writes the claim only when it is asked for."),
        ),
    ),
    Preset(
        "gitlab",
        "GitLab",
        "https://gitlab.example.com",
        (
            gettext_lazy("Create an application that is confidential, with the scopes openid, email and profile."),
            gettext_lazy("Name the scopes on this page without offline_access, which GitLab refuses: openid, email, "
                         "profile."),
        ),
    ),
)  # fmt: skip
