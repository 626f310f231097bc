"""Several questions to one cluster at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

#: Enough for a slow API, few enough for a small one.
ABREAST = 12


def gather(looks: Iterable[Callable[[], Any]]) -> list[Any]:
    """The answers in the order of the questions; the first error is raised."""
    with ThreadPoolExecutor(max_workers=ABREAST, thread_name_prefix="look") as pool:
        return list(pool.map(lambda look: look(), looks))
