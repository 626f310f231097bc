"""What stands before the practice registry: a proxy with limits and moods, as customers have them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from installer_tasks.rehearsal.registry import faults
from installer_tasks.rehearsal.registry.answers import Answer, Refusal
from installer_tasks.rehearsal.registry.faults import Faults
from installer_tasks.rehearsal.registry.requests import Request

PAUSE = 0.6
LIMITS = {faults.BODY_LIMIT: 1024**2, faults.NO_PATCH: 1024**2, faults.BODY_LIMIT_SMALL: 1024**2 // 4}
INSIDE = "https://registry.harbor.svc:5443"

_HTML = {"Content-Type": "text/html"}
_NGINX = {**_HTML, "Server": "nginx"}
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"


@dataclass(frozen=True)
class Proxy:
    faults: Faults
    stopped: threading.Event = field(default_factory=threading.Event)

    def refusal(self, request: Request) -> Answer | None:
        """What it answers by itself; None when the request goes on to the registry."""
        active = self.faults.active
        if active(faults.SLOW):
            self.stopped.wait(PAUSE)
        if active(faults.UNAVAILABLE):
            return _page("503 Service Temporarily Unavailable", _HTML)
        if active(faults.ACCESS_LIST):
            return _page("403 Forbidden", _NGINX)
        if active(faults.PORTAL):
            return Answer(200, _PAGE.format("Welcome").encode(), _HTML)
        if active(faults.TOO_MANY):
            return Refusal(429, "TOOMANYREQUESTS", "too many requests to server").answer()
        if active(faults.NO_PATCH) and request.method == "PATCH":
            return _page("405 Not Allowed", _NGINX)
        largest = min((size for name, size in LIMITS.items() if active(name)), default=request.body.length)
        return _page("413 Request Entity Too Large", _NGINX) if request.body.length > largest else None

    def passed_on(self, answer: Answer) -> Answer:
        """The registry's answer as it leaves."""
        location = answer.headers.get("Location", "")
        if "/blobs/uploads/" in location and self.faults.active(faults.ELSEWHERE):
            return Answer(answer.status, answer.body, {**answer.headers, "Location": INSIDE + location})
        return answer


def _page(title: str, headers: dict[str, str]) -> Answer:
    return Answer(int(title[:3]), _PAGE.format(title).encode(), headers)
