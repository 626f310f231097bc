"""Reading an uploaded kubeconfig as YAML: bounded, without aliases, scalars as strings, nothing of it in an error."""

from __future__ import annotations

import re
from typing import Any

import yaml

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

FIELD = "cluster.kubeconfig"
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
ASK_AGAIN = Text(
    _("Upload the kubeconfig file itself, for example the output of: kubectl config view --flatten --minify")
)

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is faster, but not in every build of PyYAML


def refuse(cause: Text, code: str, *, value: str = "", remedy: Text = ASK_AGAIN, field: str = FIELD) -> InputError:
    return InputError(cause, value=value, remedy=remedy, field=field, code=code)


def read_document(content: str) -> dict[str, Any]:
    """The one mapping of the document. Scalars stay strings: a token of digits is no number, a name no date."""
    _check_size(content)
    _check_shape(content)
    document = _load(content)
    if not isinstance(document, dict):
        raise refuse(
            text(_("This is not a kubeconfig: it has none of the keys clusters, users and contexts.")),
            "kubeconfig-kind",
        )
    return document


def _check_size(content: str) -> None:
    size = len(content.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise refuse(
            text(_("The file is larger than %(limit)s bytes; a kubeconfig has a few thousand."), limit=MAX_BYTES),
            "kubeconfig-too-large",
            value=f"{size} bytes",
        )
    if not content.strip():
        raise refuse(text(_("The kubeconfig is empty.")), "kubeconfig-empty")
    if re.match(r"\s*-----BEGIN [A-Z0-9 ]+-----", content):
        raise refuse(
            text(_("This is a PEM certificate or key, not a kubeconfig.")), "kubeconfig-kind", value="-----BEGIN …"
        )


def _check_shape(content: str) -> None:
    """Walk the events before anything is built: depth, number of nodes and aliases are bounded here, not in memory."""
    depth = nodes = 0
    for event in _events(content):
        if isinstance(event, yaml.AliasEvent):
            raise refuse(
                text(
                    _("The kubeconfig contains YAML aliases, which this installer does not accept in uploaded files.")
                ),
                "kubeconfig-alias",
                value=_line(event.start_mark),
            )
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise refuse(
                text(_("The file is too deeply nested or has too many entries for a kubeconfig.")),
                "kubeconfig-too-large",
                value=_line(event.start_mark),
            )


def _events(content: str) -> Any:
    try:
        yield from yaml.parse(content, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _not_yaml(content, error) from None  # the library's words quote the line, and with it secrets


def _load(content: str) -> Any:
    try:
        return yaml.load(content, Loader=_LOADER)  # noqa: S506 - BaseLoader makes strings, lists and dicts, nothing else
    except yaml.composer.ComposerError:
        raise refuse(
            text(_("The file contains more than one YAML document.")),
            "kubeconfig-not-yaml",
            remedy=text(_("Upload a file with one kubeconfig and no document separators (---).")),
        ) from None
    except (yaml.YAMLError, TypeError) as error:  # TypeError: a mapping used as a key
        raise _not_yaml(content, error) from None


def _not_yaml(content: str, error: Exception) -> InputError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    value = _line(mark)
    lines = content.splitlines()
    if mark is not None and mark.line < len(lines) and re.match(r" *\t", lines[mark.line]):
        return refuse(
            text(_("The file is not valid YAML: a line is indented with a tab.")),
            "kubeconfig-not-yaml",
            value=value,
            remedy=text(_("Indent with spaces, or upload the unchanged file instead of pasting its text.")),
        )
    return refuse(text(_("The file is not valid YAML.")), "kubeconfig-not-yaml", value=value)


def _line(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
