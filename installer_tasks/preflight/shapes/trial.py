"""What became of the namespace that a trial was made in; its facts are those of the systems that were tried."""

from __future__ import annotations

from typing import TypedDict


class Removal(TypedDict):
    """`words` is why the cluster cannot delete it."""

    namespace: str
    gone: bool
    words: str


class Tried(TypedDict):
    removal: Removal | None  #: None where no trial was needed
