"""Sentences for the codes in releases.yaml: known traps of a release, and what no source says of it."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.text import mark as _

TRAPS: Mapping[str, str] = {
    "fixed-groups": _(
        "People sign in only through an identity provider. Its token needs the claim groups with tmc:admin or "
        "tmc:member."
    ),
    "public-project": _("The registry project must be public: the packages take no pull secret."),
    "directory-email": _("With LDAP, every person needs an email address in the directory."),
    "cookie-size": _("People in very many groups cannot sign in: the session cookie is too large. Fixed in 1.4.3."),
    "double-packages": _(
        "The console lists packages twice when the old and the renamed Tanzu Standard packages are both there."
    ),
    "standard-tag": _(
        "Copy the Tanzu Standard repository of this release to the registry before you upgrade: managed clusters use "
        "it at once."
    ),
    "landing-authority": _(
        "landing, gts and gts-rest have certificates of an internal authority. Browsers warn on the landing page."
    ),
    "no-upgrade-at-ceiling": _(
        "The console offers no Kubernetes upgrade to a cluster that runs the highest version of its ClusterClass."
    ),
}
THIN: Mapping[str, str] = {
    "versions": _("the versions of all packages"),
    "kubernetes": _("all Kubernetes versions it supports"),
    "values": _("its complete values"),
    "downloads": _("the name of the download"),
}
