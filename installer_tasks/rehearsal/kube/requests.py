"""A request as the API sees it, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

from installer_tasks.rehearsal.kube import protobuf
from installer_tasks.rehearsal.kube.errors import ApiError, bad_request
from installer_tasks.rehearsal.kube.resources import GVR

Object = dict[str, Any]
JSON = "application/json"


@dataclass(frozen=True)
class Target:
    """What a path names: a collection, an object, or a part of one."""

    gvr: GVR
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True)
class Request:
    """`headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def parse(cls, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, parts.path, query, {name.lower(): value for name, value in headers.items()}, body)

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def content_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip() or JSON

    @property
    def dry_run(self) -> bool:
        asked = self.query.get("dryRun", "")
        if asked not in ("", "All"):
            raise bad_request(f'dryRun: Unsupported value: "{asked}": supported values: "All"')
        return asked == "All"

    @property
    def manager(self) -> str:
        """Who writes: as the client says, else the first word of its user agent."""
        return self.query.get("fieldManager") or self.header("user-agent").partition("/")[0] or "unknown"

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        value = self.query.get(name, "")
        if not value:
            return None
        if not value.isdecimal():
            raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        return int(value)

    def data(self) -> Any:
        """The body, from JSON or YAML; ApiError 415 for another type, 400 when it cannot be read."""
        try:
            # JSON is YAML too, and much quicker to read as what it is.
            if self.content_type.endswith("json") or self.body.startswith(b"{"):
                return json.loads(self.body or b"null")
            if self.content_type.endswith("yaml"):
                return yaml.load(self.body, Loader=_Loader)  # noqa: S506 - a SafeLoader without dates
        except (ValueError, yaml.YAMLError) as error:
            raise bad_request(f"the object provided is unrecognized: {error}") from error
        if self.content_type == protobuf.TYPE and (message := protobuf.read(self.body)) is not None:
            return message
        raise unsupported("application/json, application/yaml")

    def object(self) -> Object:
        data = self.data()
        if not isinstance(data, dict):
            raise bad_request("the object provided is unrecognized (must be of type object)")
        return data


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def unsupported(accepted: str) -> ApiError:
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


@dataclass(frozen=True)
class Answer:
    """`stream` instead of `content`: chunks that are sent as they come."""

    content: Any = None
    code: int = 200
    type: str = JSON
    stream: Iterator[bytes] | None = None

    def body(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, separators=(",", ":")).encode()


def target(path: str) -> Target | None:
    """None when the path is no resource's; what it names need not exist."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    # `namespaces/x/pods` is in a namespace; `namespaces/x` and `namespaces/x/status` are about one.
    if rest[0:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if not rest or not rest[0] or len(rest) > 3:
        return None
    name, subresource = [*rest[1:], "", ""][:2]
    return Target(GVR(group, version, rest[0]), namespace, name, subresource)
