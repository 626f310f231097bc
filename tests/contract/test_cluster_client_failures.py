"""Whatever is wrong with the server, the client says which thing it is, and never the token."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from installer_tasks.errors import (
    Busy,
    Conflict,
    InstallerError,
    Invalid,
    Missing,
    Refused,
    SystemFailure,
    TlsFailure,
    Unreachable,
)
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.credentials import Credentials
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig
from tests.contract.odd_servers import DISCOVERY, Answer, answering, status
from tests.waiting import PATIENCE

TOKEN = "canary-token-77ab"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(authority: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return authority.issue_files(tmp_path_factory.mktemp("tls"), "server", ["localhost", "127.0.0.1"])


def kubeconfig(server: str, ca: str, user: Credentials | None = None) -> Kubeconfig:
    return Kubeconfig(("one",), "one", server, user or Credentials(token=TOKEN), ca)


def failure(work: Callable[[], object]) -> InstallerError:
    with pytest.raises(SystemFailure) as caught:
        work()
    error = caught.value
    assert TOKEN not in f"{error!r} {error.as_json()}"
    assert error.__cause__ is None, "the library's own error carries headers and bodies"
    assert error.value
    assert str(error.remedy)
    return error


def refusal_to_connect(url: str, ca: str) -> InstallerError:
    return failure(lambda: connect(kubeconfig(url, ca), timeout=1.0))


@contextmanager
def cluster(answers: Mapping[str, Answer], authority: PracticeCA, files: tuple[Path, Path]) -> Iterator[Cluster]:
    with answering({**DISCOVERY, **answers}, files) as server:
        client = connect(kubeconfig(f"https://127.0.0.1:{server.server_port}", authority.ca_pem), timeout=PATIENCE)
        try:
            yield client
        finally:
            client.close()


class TestConnecting:
    def test_nothing_listens(self, authority: PracticeCA) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            error = refusal_to_connect(f"https://127.0.0.1:{unused.getsockname()[1]}", authority.ca_pem)
        assert isinstance(error, Unreachable)
        assert (error.code, error.retry) == ("unreachable-refused", True)

    def test_a_name_that_does_not_resolve(self, authority: PracticeCA) -> None:
        error = refusal_to_connect("https://no-such-host.invalid:6443", authority.ca_pem)
        assert (type(error), error.code) == (Unreachable, "unreachable-name")
        assert error.value == "https://no-such-host.invalid:6443"

    def test_nobody_answers_in_time(self, authority: PracticeCA) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            error = refusal_to_connect(f"https://127.0.0.1:{silent.getsockname()[1]}", authority.ca_pem)
        assert (type(error), error.code) == (Unreachable, "unreachable-timeout")

    def test_another_authority(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        other = PracticeCA.load_or_create(tmp_path)
        with answering(DISCOVERY, files) as server:
            error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", other.ca_pem)
            assert server.seen == [], "nothing is sent before the server is verified"
        assert (type(error), error.code) == (TlsFailure, "tls-unknown-ca")

    def test_an_expired_certificate(self, authority: PracticeCA, tmp_path: Path) -> None:
        issued = authority.issue(["127.0.0.1"], lifetime=timedelta(days=-1))
        (tmp_path / "crt").write_text(issued.chain_pem)
        (tmp_path / "key").write_text(issued.key_pem)
        with answering(DISCOVERY, (tmp_path / "crt", tmp_path / "key")) as server:
            error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", authority.ca_pem)
        assert error.code == "tls-expired"

    @pytest.mark.parametrize(("names", "host"), [(["10.0.0.1"], "127.0.0.1"), (["other.test"], "localhost")])
    def test_a_certificate_for_another_name(
        self, authority: PracticeCA, tmp_path: Path, names: list[str], host: str
    ) -> None:
        other = authority.issue_files(tmp_path, "server", names)
        with answering(DISCOVERY, other) as server:
            error = refusal_to_connect(f"https://{host}:{server.server_port}", authority.ca_pem)
        assert error.code == "tls-wrong-name"

    def test_the_name_may_be_given(self, authority: PracticeCA, tmp_path: Path) -> None:
        other = authority.issue_files(tmp_path, "server", ["kubernetes.default"])
        with answering(DISCOVERY, other) as server:
            url = f"https://127.0.0.1:{server.server_port}"
            named = Kubeconfig(("a",), "a", url, Credentials(token=TOKEN), authority.ca_pem, "kubernetes.default")
            client = connect(named)
            assert client.version() == "v1.28.3"
            client.close()

    def test_no_tls_at_all(self, authority: PracticeCA) -> None:
        with answering(DISCOVERY, None) as server:
            error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", authority.ca_pem)
            assert server.seen == []
        assert (type(error), error.code) == (TlsFailure, "tls-none")

    @pytest.mark.parametrize(
        "answers",
        [
            {"/version": (200, "<html>Welcome</html>"), "/apis": (200, "<html>Welcome</html>")},
            {"/version": (404, "nothing here")},
            {"/version": (200, {"hello": "world"}), "/apis": (200, {"hello": "world"})},
            {"/version": (200, []), "/apis": (200, [])},
        ],
    )
    def test_another_service(
        self, authority: PracticeCA, files: tuple[Path, Path], answers: Mapping[str, Answer]
    ) -> None:
        with answering(answers, files) as server:
            error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", authority.ca_pem)
        assert (type(error), error.code) == (Invalid, "kubernetes-other")

    def test_a_redirect_is_not_followed_with_the_token(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        with answering(DISCOVERY, files) as elsewhere:
            away = {"/version": (302, f"https://127.0.0.1:{elsewhere.server_port}/version")}
            with answering(away, files) as server:
                error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", authority.ca_pem)
            assert elsewhere.seen == []
        assert isinstance(error, Invalid)

    def test_credentials_that_are_not_accepted(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        with answering({"/version": status(401, "Unauthorized")}, files) as server:
            error = refusal_to_connect(f"https://127.0.0.1:{server.server_port}", authority.ca_pem)
        assert (type(error), error.code) == (Refused, "kubernetes-unauthorized")

    def test_the_proxy_of_the_environment_is_not_used(
        self, authority: PracticeCA, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        with cluster({}, authority, files) as client:
            assert client.version() == "v1.28.3"


class TestAnswers:
    def test_a_missing_right_names_user_verb_and_resource(
        self, authority: PracticeCA, files: tuple[Path, Path]
    ) -> None:
        words = 'nodes is forbidden: User "anna" cannot list resource "nodes" in API group "" at the cluster scope'
        with cluster({"/api/v1/nodes": status(403, words)}, authority, files) as client:
            error = failure(lambda: client.list("v1", "Node"))
        assert (type(error), error.value, error.code) == (Refused, "list nodes", "kubernetes-forbidden")
        assert str(error.cause) == "The kubeconfig's user anna has no permission to list nodes."

    def test_what_is_not_there(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        with cluster({"/api/v1/nodes/n1": status(404, "not found")}, authority, files) as client:
            assert client.find("v1", "Node", "n1") is None
            assert isinstance(failure(lambda: client.get("v1", "Node", "n1")), Missing)
            assert client.delete("v1", "Node", "n1") is False

    def test_an_unknown_kind(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        with cluster({}, authority, files) as client:
            error = failure(lambda: client.list("packaging.carvel.dev/v1alpha1", "PackageInstall"))
            assert not client.has_kind("packaging.carvel.dev/v1alpha1", "PackageInstall")
            assert client.has_kind("v1", "Node")
        assert (type(error), error.code, error.value) == (Missing, "kubernetes-no-kind", "PackageInstall")

    def test_a_kind_that_went_away_after_it_was_discovered(
        self, authority: PracticeCA, files: tuple[Path, Path]
    ) -> None:
        """Its definition was deleted: the API server then knows no such path, and says so in plain text."""
        path = "/apis/packaging.carvel.dev/v1alpha1"
        listed = {"name": "packageinstalls", "kind": "PackageInstall", "namespaced": True, "verbs": ["list"]}
        answers: dict[str, Answer] = {
            path: (200, {"kind": "APIResourceList", "resources": [listed]}),
            f"{path}/packageinstalls": (404, "404 page not found\n"),
        }
        with answering({**DISCOVERY, **answers}, files) as server:
            client = connect(kubeconfig(f"https://127.0.0.1:{server.server_port}", authority.ca_pem), timeout=PATIENCE)
            assert client.has_kind(path.removeprefix("/apis/"), "PackageInstall")
            server.answers = {**DISCOVERY, f"{path}/packageinstalls": answers[f"{path}/packageinstalls"]}
            error = failure(lambda: client.list(path.removeprefix("/apis/"), "PackageInstall"))
            assert (type(error), error.code, error.value) == (Missing, "kubernetes-no-kind", "PackageInstall")
            assert not client.has_kind(path.removeprefix("/apis/"), "PackageInstall"), "asked anew"
            client.close()

    def test_an_apply_that_contradicts_itself_is_not_tried_again(
        self, authority: PracticeCA, files: tuple[Path, Path]
    ) -> None:
        """The API server answers it with 500 and no reason."""
        words = "failed to create typed patch object (/n1; v1, Kind=Node): .spec.taints: duplicate entries for key"
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
        answer = (500, {"kind": "Status", "status": "Failure", "message": words, "code": 500})
        with cluster({"PATCH /api/v1/nodes/n1": answer}, authority, files) as client:
            error = failure(lambda: client.apply(node))
        assert (type(error), error.code, error.retry) == (Invalid, "kubernetes-invalid", False)
        assert "duplicate entries" in error.detail

    def test_fields_of_another_manager(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        message = 'conflict with "helm" using v1'
        causes = [{"reason": "FieldManagerConflict", "message": message, "field": ".data.caCerts"}]
        answer = status(409, "Apply failed", reason="Conflict", details={"causes": causes})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}
        with cluster({"/api/v1/namespaces/n/secrets/s": answer}, authority, files) as client:
            error = failure(lambda: client.apply(secret))
        assert (type(error), error.code, error.retry) == (Conflict, "kubernetes-owned", False)
        assert "helm" in str(error.cause)
        assert ".data.caCerts" in str(error.cause)

    def test_words_about_secrets_are_not_repeated(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        answer = status(422, f'Secret "s" is invalid: data: Invalid value: "{TOKEN}"')
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}
        with cluster({"/api/v1/namespaces/n/secrets/s": answer}, authority, files) as client:
            assert isinstance(failure(lambda: client.apply(secret)), Invalid)

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (status(429, "too many"), "kubernetes-busy"),
            (status(503, "starting"), "kubernetes-busy"),
            ((503, "<html>load balancer</html>"), "kubernetes-busy"),
            (status(500, 'failed calling webhook "webhook.cert-manager.io": x509'), "kubernetes-webhook"),
            (status(500, "etcd"), "kubernetes-error"),
            ((502, "<html>bad gateway</html>"), "kubernetes-error"),
        ],
    )
    def test_what_a_retry_helps_against(
        self, authority: PracticeCA, files: tuple[Path, Path], answer: Answer, code: str
    ) -> None:
        with cluster({"/api/v1/nodes": answer}, authority, files) as client:
            error = failure(lambda: client.list("v1", "Node"))
        assert (type(error), error.code, error.retry) == (Busy, code, True)

    def test_pod_security(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        words = 'pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged'
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}
        with cluster({"/api/v1/namespaces/n/secrets/s": status(403, words)}, authority, files) as client:
            error = failure(lambda: client.apply(secret))
        assert error.code == "kubernetes-pod-security"
        assert "pod-security.kubernetes.io/enforce=privileged" in str(error.remedy)

    def test_a_name_cannot_leave_its_place_in_the_path(self, authority: PracticeCA, files: tuple[Path, Path]) -> None:
        with answering(DISCOVERY, files) as server:
            client = connect(kubeconfig(f"https://127.0.0.1:{server.server_port}", authority.ca_pem))
            with pytest.raises(SystemFailure):
                client.get("v1", "Node", "../secrets?x=")
            client.close()
            assert server.seen[-1][1] == "/api/v1/nodes/..%2Fsecrets%3Fx%3D"


def test_nothing_is_kept_in_files(
    authority: PracticeCA, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with cluster({}, authority, files) as client:
        assert client.has_kind("v1", "Node")
        assert list(tmp_path.iterdir()) == []
