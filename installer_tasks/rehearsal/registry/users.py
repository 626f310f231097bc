"""Users of the practice registry and what their role lets them do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["admin", "developer", "reader", "robot"]
Action = str

ACTIONS: dict[Role, frozenset[Action]] = {
    "admin": frozenset({"pull", "push", "delete"}),
    "developer": frozenset({"pull", "push"}),
    "reader": frozenset({"pull"}),
    "robot": frozenset({"pull", "push"}),
}


@dataclass(frozen=True)
class User:
    """A person or robot account; `projects` names those it is a member of, None means all."""

    name: str
    password: str = field(repr=False)
    role: Role
    projects: frozenset[str] | None = None
    disabled: bool = False

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    def is_member(self, project: str) -> bool:
        return self.is_admin or self.projects is None or project in self.projects


@dataclass(frozen=True)
class Caller:
    """Who a request comes from: nobody, a user by Basic, or a bearer token with its grants."""

    user: User | None = None
    grants: frozenset[tuple[str, Action]] | None = None

    @property
    def name(self) -> str:
        return self.user.name if self.user else ""

    @property
    def is_admin(self) -> bool:
        return self.user is not None and self.user.is_admin

    @property
    def authenticated(self) -> bool:
        return self.user is not None or self.grants is not None


ANONYMOUS = Caller()


def practice_users(project: str = "tmc") -> tuple[User, ...]:
    """An administrator, a developer, a reader and a robot of one project, with new random passwords."""
    names: tuple[tuple[str, Role], ...] = (
        ("admin", "admin"),
        ("developer", "developer"),
        ("reader", "reader"),
        (f"robot${project}+pusher", "robot"),
    )
    return tuple(User(name, secrets.token_urlsafe(18), role) for name, role in names)
