"""HTTP 403 and its neighbours: who refused, in whose words, and whether trying again helps."""

from __future__ import annotations

import json

import pytest
from kubernetes.client.exceptions import ApiException

from installer_tasks.errors import InstallerError
from installer_tasks.systems.cluster.failures import of_answer
from installer_tasks.systems.cluster.refusals import Call

CREATE = Call("https://k:6443", "create", "ConfigMap", "a", "tmc-local", "configmaps")
FORBIDDEN = 'configmaps "a" is forbidden: '


def refused(status: int, said: str, call: Call = CREATE) -> InstallerError:
    error = ApiException(status=status)
    error.body = json.dumps({"kind": "Status", "message": said}) if said else "<html>denied</html>"
    return of_answer(error, call)


@pytest.mark.parametrize(
    ("status", "said", "code", "retry", "names"),
    [
        (403, FORBIDDEN + 'User "ada" cannot create resource "configmaps"', "kubernetes-forbidden", False, "ada"),
        (403, FORBIDDEN + "exceeded quota: team, requested: configmaps=1", "kubernetes-quota", False, "team"),
        (403, FORBIDDEN + "failed quota: team: must specify limits.cpu", "kubernetes-quota", False, "team"),
        (403, FORBIDDEN + "unable to create new content in namespace tmc-local because it is being terminated", "kubernetes-terminating", True, "tmc-local"),
        (403, FORBIDDEN + 'violates PodSecurity "restricted:latest": x', "kubernetes-pod-security", False, "Pod Security"),
        (403, FORBIDDEN + "maximum memory usage per Container is 512Mi, but limit is 2Gi", "kubernetes-limit-range", False, "LimitRange"),
        (403, 'admission webhook "validation.gatekeeper.sh" denied the request: [owner] no label', "kubernetes-admission", False, "validation.gatekeeper.sh"),
        (400, 'admission webhook "validate.kyverno.svc-fail" denied the request: \n\npolicy', "kubernetes-admission", False, "validate.kyverno.svc-fail"),
        (422, FORBIDDEN + "ValidatingAdmissionPolicy 'no-latest' with binding 'b' denied request: x", "kubernetes-admission", False, "no-latest"),
        (403, FORBIDDEN + "something of its own", "kubernetes-refused", False, "create"),
        (403, "", "kubernetes-refused", False, "create"),
    ],
)  # fmt: skip
def test_who_refused_and_whether_trying_again_helps(status: int, said: str, code: str, retry: bool, names: str) -> None:
    error = refused(status, said)
    assert (error.code, error.retry) == (code, retry)
    assert names in str(error.cause)
    assert error.detail == said
    assert ("permission" in str(error.cause)) is (code == "kubernetes-forbidden")


def test_a_policys_words_about_a_secret_are_not_repeated() -> None:
    secret = Call("https://k:6443", "create", "Secret", "a", "tmc-local", "secrets")
    error = refused(403, 'admission webhook "a.b" denied the request: password is hunter2', secret)
    assert error.code == "kubernetes-admission"
    assert "hunter2" not in error.detail + str(error.cause)
