"""The practice registry as one value: start it, push to it, ask it what it has received."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.registry.answers import Answer, Refusal
from installer_tasks.rehearsal.registry.auth import AuthMode, Gate
from installer_tasks.rehearsal.registry.blobs import Blobs
from installer_tasks.rehearsal.registry.counters import Counters, RequestRecord
from installer_tasks.rehearsal.registry.distribution import Distribution
from installer_tasks.rehearsal.registry.faults import DRIPS, Faults, NoFaults
from installer_tasks.rehearsal.registry.harbor import Harbor
from installer_tasks.rehearsal.registry.http import Server, tls_context
from installer_tasks.rehearsal.registry.manifests import Manifests
from installer_tasks.rehearsal.registry.products import Product
from installer_tasks.rehearsal.registry.projects import Project, Projects
from installer_tasks.rehearsal.registry.proxy import Proxy
from installer_tasks.rehearsal.registry.quota import Quota
from installer_tasks.rehearsal.registry.requests import Request, Throttle
from installer_tasks.rehearsal.registry.storage import Storage
from installer_tasks.rehearsal.registry.users import User, practice_users

_PORTAL_PAGE = b"<!doctype html><html><head><title>Harbor</title></head><body></body></html>"
_HTML = {"Content-Type": "text/html"}


class RegistryServer:
    """An OCI registry with Harbor's manners, on loopback, over TLS.

    Its content stays in `folder`: a new server on the same folder has the same images and unfinished uploads.
    """

    def __init__(
        self,
        folder: Path,
        certificate_file: Path,
        key_file: Path,
        *,
        users: Sequence[User] | None = None,
        auth: AuthMode = "token",
        host: str = "127.0.0.1",
        port: int = 0,
        rate_limit: int | None = None,
        faults: Faults | None = None,
        ca_file: Path | None = None,
        journal_file: Path | None = None,
        token_life: int = 1800,
    ) -> None:
        self._address = (host, port)
        self._context: ssl.SSLContext | None = tls_context(certificate_file, key_file)
        self._rate_limit = rate_limit
        self._faults = faults or NoFaults()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._product: Product | None = None
        self._stopped = threading.Event()
        self.users = {user.name: user for user in (practice_users() if users is None else users)}
        self.storage = Storage(folder)
        self._projects = Projects(folder / "projects.json")
        self._counters = Counters(journal_file)
        self._build(auth, ca_file, token_life)

    def _build(self, auth: AuthMode, ca_file: Path | None, token_life: int) -> None:
        quota = Quota(self._projects, self.storage)
        self._gate = Gate(auth, self.users, self._projects, token_life)
        blobs = Blobs(self.storage, self._gate, quota, self._counters, self._faults)
        manifests = Manifests(self.storage, quota, self._projects, self._faults)
        self._distribution = Distribution(self._gate, blobs, manifests, self._faults)
        self._proxy = Proxy(self._faults, self._stopped)
        self._harbor = Harbor(self._gate, self._projects, self.storage, self._faults, ca_file)

    def start(self) -> RegistryServer:
        self._stopped.clear()
        self._server = Server(
            self._address,
            context=self._context,
            application=self.answer,
            record=self._counters.add,
            throttle=Throttle(self._rate_limit, self._stopped),
            drips=lambda: self._faults.active(DRIPS),
        )
        self._address = (self._address[0], self._server.server_port)  # the same port when started again
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-registry", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends at once, connections included, as a registry that is restarted does."""
        if self._server is None or self._thread is None:
            return
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end_connections()
        self._server = self._thread = None

    def __enter__(self) -> RegistryServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def host(self) -> str:
        """As in an image reference."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def create_project(self, name: str, public: bool = True, storage_limit: int = -1) -> Project:
        """The project of this name, made when it is not there."""
        made = self._projects.create(name, public=public, storage_limit=storage_limit)
        project = made or self._projects.get(name)
        if project is None:
            raise KeyError(name)
        return project

    def change_project(self, name: str, **changes: Any) -> Callable[[], None]:
        """Another setting of a project; what is returned sets it back."""
        before = asdict(self._projects.change(name, **changes))

        def change_back() -> None:
            self._projects.change(name, **{key: before[key] for key in changes})

        return change_back

    def behave_as(self, product: Product) -> Callable[[], None]:
        """In the manners of another product; what is returned makes it a Harbor again."""
        self._product = product

        def harbor_again() -> None:
            self._product = None

        return harbor_again

    def present(self, certificate_file: Path | None, key_file: Path | None) -> Callable[[], None]:
        """Another certificate for new connections, plain HTTP for none; what is returned sets it back."""
        before = self._context
        self._set_context(tls_context(certificate_file, key_file) if certificate_file and key_file else None)
        return lambda: self._set_context(before)

    def _set_context(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        if self._server:
            self._server.context = context

    def has(self, repository: str, reference: str) -> bool:
        """Whether the repository has this tag or manifest digest."""
        return self.storage.manifest(repository, reference) is not None

    def set_rate_limit(self, rate: int | None) -> None:
        """Bytes a second of bodies received, all connections together; at once, also for bodies under way."""
        self._rate_limit = rate
        if self._server:
            self._server.throttle.rate = rate

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        return self._counters.requests

    @property
    def received(self) -> dict[str, int]:
        """Digest to number of completed uploads; mounts are not uploads."""
        return self._counters.received

    @property
    def received_bytes(self) -> dict[str, int]:
        return self._counters.received_bytes

    def answer(self, request: Request) -> Answer:
        refused = self._proxy.refusal(request)
        if refused:
            return refused
        if self._product is not None:
            return self._product.answer(request, self._own_answer)
        return self._own_answer(request)

    def _own_answer(self, request: Request) -> Answer:
        request.caller = self._gate.identify(request)
        try:
            return self._proxy.passed_on(self._route(request))
        except Refusal as refusal:
            return refusal.answer()

    def _route(self, request: Request) -> Answer:
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return self._distribution.answer(request)
        if request.path == "/service/token":
            return self._gate.token_answer(request)
        if request.path.startswith("/api/"):
            return self._harbor.answer(request)
        return Answer(200, _PORTAL_PAGE, _HTML)
