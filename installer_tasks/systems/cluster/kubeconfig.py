"""An uploaded kubeconfig, as data: checked, cut down to one context, never executed and never a path of this machine.

What would run a program, read a file, send the token elsewhere or leave TLS unverified is refused with the reason and
the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from installer_tasks.errors import InputError
from installer_tasks.systems.cluster import credentials
from installer_tasks.systems.cluster.document import read_document, refuse
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

CONTEXT_FIELD = "cluster.context"
FLATTEN = Text(
    _("Create a self-contained file and upload it: kubectl config view --flatten --minify > installer.kubeconfig")
)
#: How long a token is asked for: a day more than `cluster.kubeconfig-expiry` wants at least.
TOKEN_HOURS = 48
SERVICE_ACCOUNT_COMMANDS = f"""\
kubectl -n kube-system create serviceaccount tmc-installer
kubectl create clusterrolebinding tmc-installer --clusterrole=cluster-admin --serviceaccount=kube-system:tmc-installer
kubectl config view --flatten --minify > installer.kubeconfig
kubectl --kubeconfig installer.kubeconfig config set-credentials tmc-installer \
--token="$(kubectl -n kube-system create token tmc-installer --duration={TOKEN_HOURS}h)"
kubectl --kubeconfig installer.kubeconfig config set-context --current --user=tmc-installer"""
SERVICE_ACCOUNT = text(
    _("Create a kubeconfig for a service account and upload it:\n%(commands)s"), commands=SERVICE_ACCOUNT_COMMANDS
)

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Kubeconfig:
    """One context of a kubeconfig, with nothing in it that points outside of itself."""

    contexts: tuple[str, ...]  #: every context of the file, for the person to choose from
    context: str
    server: str
    user: credentials.Credentials
    ca: str = field(default="", repr=False)  #: PEM; empty: the authorities this machine trusts
    tls_server_name: str = ""

    @property
    def user_kind(self) -> str:
        """`token` or `certificate`."""
        return self.user.kind

    def as_dict(self) -> dict[str, Any]:
        """A kubeconfig of this one context; holds the credentials."""
        cluster: dict[str, Any] = {"server": self.server}
        if self.ca:
            cluster["certificate-authority-data"] = credentials.encode(self.ca)
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context,
            "contexts": [{"name": self.context, "context": {"cluster": "cluster", "user": "user"}}],
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": self.user.as_dict()}],
        }


def parse_kubeconfig(content: str, *, context: str = "") -> Kubeconfig:
    """The chosen context, else the file's current one, else its only one; InputError when it is not acceptable."""
    document = _config(content)
    names = _context_names(document)
    chosen = _choose(names, context, _scalar(document, "current-context"))
    pair = _entry(document, "contexts", "context", chosen)
    cluster = _entry(document, "clusters", "cluster", _scalar(pair, "cluster"))
    user = _entry(document, "users", "user", _scalar(pair, "user"))
    _check_cluster(cluster)
    _check_user(user)
    return Kubeconfig(
        contexts=names,
        context=chosen,
        server=_server(_scalar(cluster, "server")),
        ca=credentials.authorities(_scalar(cluster, "certificate-authority-data")),
        tls_server_name=_scalar(cluster, "tls-server-name"),
        user=credentials.of_user(user, SERVICE_ACCOUNT),
    )


def cut_down(content: str, *, context: str) -> str:
    """A kubeconfig of this context alone: what is kept holds no credentials for another cluster."""
    return yaml.safe_dump(parse_kubeconfig(content, context=context).as_dict(), sort_keys=False)


def contexts(content: str) -> tuple[str, ...]:
    """The contexts a person can choose from, also when one of them is not acceptable."""
    return _context_names(_config(content))


def _config(content: str) -> dict[str, Any]:
    document = read_document(content)
    kind = _scalar(document, "kind")
    if kind not in ("", "Config") or not {"clusters", "contexts"} & document.keys():
        raise refuse(
            text(_("This YAML is not a kubeconfig (kind: Config).")),
            "kubeconfig-kind",
            value=_shown(kind or ", ".join(sorted(document)[:5])),
        )
    return document


def _context_names(document: Entry) -> tuple[str, ...]:
    names = tuple(_scalar(entry, "name") for entry in _entries(document, "contexts"))
    if not any(names):
        raise refuse(text(_("The kubeconfig has no contexts.")), "kubeconfig-no-context", remedy=FLATTEN)
    return tuple(name for name in names if name)


def _choose(names: tuple[str, ...], wanted: str, current: str) -> str:
    if wanted:
        if wanted in names:
            return wanted
        raise _no_context(text(_("The kubeconfig has no context with this name.")), wanted, names)
    if current in names:
        return current
    if len(names) == 1:
        return names[0]
    raise _no_context(text(_("The kubeconfig has no current context.")), current, names)


def _no_context(cause: Text, value: str, names: tuple[str, ...]) -> InputError:
    remedy = text(_("Choose one of its contexts: %(contexts)s."), contexts=", ".join(map(_shown, names[:20])))
    return refuse(cause, "kubeconfig-context", value=_shown(value), remedy=remedy, field=CONTEXT_FIELD)


def _entry(document: Entry, table: str, key: str, name: str) -> Entry:
    for entry in _entries(document, table):
        if _scalar(entry, "name") == name and isinstance(entry.get(key), dict):
            found: Entry = entry[key]
            return found
    raise refuse(
        text(_("The context refers to an entry in %(table)s that is not in the file."), table=table),
        "kubeconfig-incomplete",
        value=_shown(name),
        remedy=FLATTEN,
    )


def _entries(document: Entry, table: str) -> list[Entry]:
    entries = document.get(table)
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def _scalar(entry: Entry, key: str) -> str:
    value = entry.get(key, "")
    return value.strip() if isinstance(value, str) and value not in ("null", "~") else ""


def _shown(value: str) -> str:
    """A name of the file as a person may see it: short and printable."""
    return "".join(char for char in value if char.isprintable())[:80]


_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _check_files(entry: Entry) -> None:
    for key in _FILES:
        if _scalar(entry, key):
            raise refuse(
                text(_("The kubeconfig refers to a file (%(key)s) that was not uploaded."), key=key),
                "kubeconfig-file",
                value=f"{key}: {_shown(_scalar(entry, key))}",
                remedy=FLATTEN,
            )


def _check_cluster(cluster: Entry) -> None:
    _check_files(cluster)
    if _scalar(cluster, "insecure-skip-tls-verify").lower() == "true":
        raise refuse(
            text(_("The kubeconfig disables verification of the server's certificate.")),
            "kubeconfig-insecure",
            value="insecure-skip-tls-verify: true",
            remedy=text(
                _(
                    "Add the cluster's CA certificate instead: certificate-authority-data, "
                    "the base64 encoding of the PEM."
                )
            ),
        )
    proxy = _scalar(cluster, "proxy-url")
    if proxy:
        raise refuse(
            text(_("The kubeconfig sends all traffic, including the cluster's credentials, through a proxy.")),
            "kubeconfig-proxy",
            value=f"proxy-url: {_shown(_without_password(proxy))}",
            remedy=text(_("Remove proxy-url, and run the installer on a machine that can reach the cluster directly.")),
        )


def _check_user(user: Entry) -> None:
    _check_files(user)
    plugin = user.get("exec")
    if plugin:
        command = _scalar(plugin, "command") if isinstance(plugin, dict) else ""
        raise refuse(
            text(
                _("The kubeconfig runs a program to get its credentials; this installer never executes uploaded files.")
            ),
            "kubeconfig-exec",
            value=f"exec: {_shown(command)}",
            remedy=SERVICE_ACCOUNT,
        )
    provider = user.get("auth-provider")
    if provider:
        name = _scalar(provider, "name") if isinstance(provider, dict) else ""
        raise refuse(
            text(
                _(
                    "The kubeconfig gets its credentials from an auth-provider plugin, which this "
                    "installer does not support."
                )
            ),
            "kubeconfig-auth-provider",
            value=f"auth-provider: {_shown(name)}",
            remedy=SERVICE_ACCOUNT,
        )
    if any(key.startswith("as") and user[key] for key in user):
        raise refuse(
            text(_("The kubeconfig impersonates another user.")),
            "kubeconfig-impersonation",
            value=_shown(_scalar(user, "as")),
            remedy=SERVICE_ACCOUNT,
        )


def _server(server: str) -> str:
    problem = _server_problem(server)
    if problem is not None:
        raise refuse(
            problem,
            "kubeconfig-server",
            value=_shown(_without_password(server)),
            remedy=text(_("Set clusters[].cluster.server to the address of the Kubernetes API: https://host:port")),
        )
    return server.rstrip("/")


def _server_problem(server: str) -> Text | None:
    if not server:
        return text(_("The kubeconfig contains no server."))
    try:
        parts = urlsplit(server)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return text(_("The server's address is not a valid URL."))
    if parts.scheme == "http":
        return text(_("The server's address is plain HTTP, which would send the credentials unencrypted."))
    if parts.scheme != "https" or not host or not re.fullmatch(r"[\x21-\x7e]+", server):
        return text(_("The server's address is not an https URL."))
    if parts.username or parts.password or parts.query or parts.fragment:
        return text(_("The server's address contains more than a host, port and path."))
    return None


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
