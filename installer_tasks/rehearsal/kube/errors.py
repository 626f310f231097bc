"""Refusals of the API, as the Status objects that clients know."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal with its HTTP code, machine-readable reason and message."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def status(self) -> dict[str, Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def not_found(resource: str, group: str, name: str) -> ApiError:
    full = f"{resource}.{group}" if group else resource
    return ApiError(404, "NotFound", f'{full} "{name}" not found', name=name, group=group, kind=resource)


def already_exists(resource: str, group: str, name: str) -> ApiError:
    full = f"{resource}.{group}" if group else resource
    return ApiError(409, "AlreadyExists", f'{full} "{name}" already exists', name=name, group=group, kind=resource)


def stale(resource: str, group: str, name: str) -> ApiError:
    full = f"{resource}.{group}" if group else resource
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {full} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        name=name,
        group=group,
        kind=resource,
    )


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unknown_path(path: str) -> ApiError:
    return ApiError(404, "NotFound", f"the server could not find the requested resource ({path})")


def expired(version: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {version}")


def invalid(kind: str, group: str, name: str, *, field: str, problem: str) -> ApiError:
    reason = "FieldValueRequired" if problem.startswith("Required") else "FieldValueInvalid"
    full = f"{kind}.{group}" if group else kind
    causes = [{"reason": reason, "message": problem, "field": field}]
    message = f'{full} "{name}" is invalid: {field}: {problem}'
    return ApiError(422, "Invalid", message, name=name, group=group, kind=kind, causes=causes)


def forbidden(user: str, verb: str, *, resource: str, group: str, name: str, namespace: str) -> ApiError:
    full = f"{resource}.{group}" if group else resource
    named = f' "{name}"' if name else ""
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{full}{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {where}'
    )
    return ApiError(403, "Forbidden", message, name=name, group=group, kind=resource)
