"""From request to answer: faults, who asks, what is asked, whether they may, and then the verb."""

from __future__ import annotations

import time
from collections.abc import Callable

from installer_tasks.rehearsal.fault_switch import FaultSwitch
from installer_tasks.rehearsal.kube import access, discovery, openapi, reviews, scaling, streams
from installer_tasks.rehearsal.kube.errors import ApiError, unknown_path
from installer_tasks.rehearsal.kube.requests import Answer, Request, Target, target
from installer_tasks.rehearsal.kube.resources import REVIEWS
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import Tokens, User
from installer_tasks.rehearsal.kube.verbs import Verbs

COLLECTION = ("list", "create", "deletecollection")  #: verbs that name no object
SLOW = 2.0  #: seconds an answer takes under the fault `kube.slow`
AHEAD = 420.0  #: seconds by which the clock is wrong under the fault `kube.clock`
PACKAGES = "/apis/data.packaging.carvel.dev"
UNAVAILABLE = "the server is currently unable to handle the request"


class Api:
    """Answers requests from a store."""

    def __init__(self, store: Store, tokens: Tokens, faults: FaultSwitch, version: str = "") -> None:
        self._store, self._tokens, self._faults = store, tokens, faults
        self._version = discovery.version(version) if version else discovery.VERSION
        self.address = ""

    def answer(self, request: Request, who: Callable[[], User], gone: streams.Gone) -> Answer:
        """Never raises ApiError: refusals are answers too."""
        try:
            self._suffer(request)
            return self._answer(request, who(), gone)
        except ApiError as error:
            return Answer(error.status(), error.code)

    def now(self) -> float:
        """What this server takes for the time."""
        return time.time() + (AHEAD if self._faults.active("kube.clock") else 0)

    def _suffer(self, request: Request) -> None:
        """The place where faults bite."""
        if self._faults.active("kube.slow"):
            time.sleep(SLOW)
        if self._faults.active("kube.unavailable"):
            raise ApiError(503, "ServiceUnavailable", UNAVAILABLE)
        if self._faults.active("kube.packages-unavailable") and request.path.startswith(PACKAGES):
            raise ApiError(503, "ServiceUnavailable", UNAVAILABLE)  # kapp-controller serves this one, not Kubernetes

    def _answer(self, request: Request, user: User, gone: streams.Gone) -> Answer:
        user = access.acting(self._store, user, request)
        asked = target(request.path)
        if asked is None:
            access.demand_path(user, request)
            return self._document(request)
        access.demand(self._store, user, access.wish(request, asked))
        review = REVIEWS.get((asked.gvr.group, asked.gvr.resource))
        if review and request.method == "POST":
            return Answer(reviews.answer(review, request.object(), user, self._store, self._tokens), 201)
        return self._resource(request, asked, gone, user)

    def _document(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if path.startswith(("/healthz", "/livez", "/readyz")):
            return Answer("ok", type="text/plain")
        if path == "/version":
            return Answer(discovery.OLD if self._faults.active("kube.version-old") else self._version)
        if path == "/openapi/v2":
            return _swagger(request)
        served = self._store.served
        found = openapi.answer(path, served) if path.startswith("/openapi/v3") else None
        found = found or discovery.answer(path, served, self.address)
        if found is None:
            raise unknown_path(request.path)
        return Answer(found)

    def _resource(self, request: Request, asked: Target, gone: streams.Gone, user: User) -> Answer:
        resource = self._store.served.find(asked.gvr)
        if resource is None or (asked.subresource and asked.subresource not in resource.subresources):
            raise unknown_path(request.path)
        if resource.namespaced and not asked.namespace and (asked.name or request.method == "POST"):
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        verb = access.verb_of(request, asked)
        if asked.subresource == "token" and verb == "create":
            return Answer(reviews.issue_token(self._store, asked, request.object(), self._tokens), 201)
        if asked.subresource == "log":
            return streams.log(self._store, asked, request, gone)
        if asked.subresource == "scale":
            return scaling.answer(self._store, asked, request)
        if verb == "watch" or (verb == "get" and request.flag("watch")):
            return streams.watch(self._store, resource, asked, request, gone)
        verbs = Verbs(self._store, resource, asked, request, user)
        known: dict[str, Callable[[], Answer]] = {
            "get": verbs.get,
            "list": verbs.list,
            "create": verbs.create,
            "update": verbs.update,
            "patch": verbs.patch,
            "delete": verbs.delete,
            "deletecollection": verbs.deletecollection,
        }
        if verb not in known or (verb in COLLECTION) == bool(asked.name):
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return known[verb]()


def _swagger(request: Request) -> Answer:
    """An empty protobuf message is an empty document."""
    accept = request.header("accept")
    if "proto" in accept and "application/json" not in accept:
        return Answer(b"", type="application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    return Answer(openapi.swagger())
