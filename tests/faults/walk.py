"""A walk through all pages of a real installer beside a practice estate, every secret typed wrongly first."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.urls import resolve, reverse

from installer_tasks.answer_keys import SECRETS, STEPS
from installer_tasks.rehearsal.estate import PROJECT, Estate
from installer_tasks.rehearsal.kube import kubeconfig
from installer_tasks.rehearsal.kube.kubeconfig import CONTEXT
from tests.faults.canaries import odd
from tests.faults.visitor import Answer, Person
from tests.waiting import until

HTMX = {"HX-Request": "true"}
LANGUAGES = ("en", "zh-hans")
#: What an address may answer to somebody who only looks; by pattern, where there is nothing to see after this walk.
LOOKS = {200, 204, 302, 405}
SEEN = {"design": {404}, "practice": {404}, "fix": {404}, "exposed-link": {410}, "live": {200, 400}}


@dataclass
class Secrets:
    """What is typed, by what it is; the right answers among it."""

    estate: Estate
    link: str
    typed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        user = self.estate.registry.users[f"robot${PROJECT}+pusher"]
        self.estate.registry.users[user.name] = dataclasses.replace(user, password=self.new("registry password"))
        client = self.estate.identity.clients["tmc"]
        client.secret = self.new("client secret")
        self.typed |= {
            "token of the kubeconfig": self.estate.passwords.kube_admin,
            "code of the link": self.link.rpartition("#")[2],
        }
        self.right = self.estate.answers() | {
            "identity.client_secret": client.secret,
            "services.postgres_password": self.new("postgres password"),
            "services.minio_password": self.new("minio password"),
        }

    def new(self, name: str) -> str:
        self.typed[name] = odd()
        return self.typed[name]

    def kubeconfig(self, **credentials: str) -> str:
        return kubeconfig(self.estate.kube.url, self.estate.ca.ca_pem, context=CONTEXT, **credentials)

    def wrong(self) -> Iterator[dict[str, str]]:
        """Every secret answer as it must fail; the kubeconfig with a token, and with a certificate without rights."""
        words = {key: f"wrong {self.new(f'wrong {key}')}" for key in sorted(SECRETS - {"cluster.kubeconfig"})}
        yield words | {"cluster.kubeconfig": self.kubeconfig(token=self.new("wrong token"))}
        certificate, key = self.certificate("key without rights")
        yield words | {"cluster.kubeconfig": self.kubeconfig(client_certificate=certificate, client_key=key)}

    def refused(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Steps with answers that no form accepts."""
        program = self.kubeconfig(token=self.new("token beside a program"))
        yield "cluster", {"kubeconfig_file": program.replace("token:", "exec: {command: /bin/true}\n    token:")}
        yield "cluster", {"kubeconfig": "users: [{token: '" + self.new("token in no YAML")}
        yield "registry", {"password": self.new("secret that is too long") * 60}
        yield "identity", {"ca": self.certificate("key in place of an authority")[1]}

    def certificate(self, name: str) -> tuple[str, str]:
        """Of a client, with its key; the part of that which is found is past the head that every key has."""
        issued = self.estate.ca.issue([], common_name="nobody", client=True)
        part = issued.key_pem.splitlines()[2][:26]
        if "/" in part or "+" in part:
            return self.certificate(name)
        self.typed[name] = part
        return issued.cert_pem, issued.key_pem


@dataclass
class Walk:
    """What the person does, page by page."""

    person: Person
    secrets: Secrets
    pk: int = 0
    other: int = 0  #: the number of somebody who was invited

    def at(self, name: str, *more: Any) -> str:
        """The address of this installation's page."""
        return reverse(name, args=[self.pk, *more])

    def sign_in(self) -> None:
        """By the link, with a password beside a name that is refused, and again by it, mistyped once."""
        person, password, mistyped = self.person, self.secrets.new("password"), self.secrets.new("mistyped password")
        page, code = urlsplit(self.secrets.link).path, self.secrets.typed["code of the link"]
        assert person.get(page).status == 200
        assert person.post(page, code=code).name == "welcome"
        assert person.post(reverse("welcome"), name="", password=mistyped).status == 422
        assert person.post(reverse("welcome"), name="ada", password=password).name == "installations"
        assert person.post(reverse("sign-out")).name == "sign-in"
        assert person.post(reverse("sign-in"), name="ada", password=mistyped).status == 422
        assert person.post(reverse("sign-in"), name="ada", password=password).name == "installations"

    def begin(self, name: str) -> None:
        page = self.person.post(reverse("installations"), name=name)
        self.pk = int(resolve(page.path).kwargs["pk"])

    def answer(self, answers: Mapping[str, str]) -> None:
        """Every step's form as a whole."""
        for step in STEPS:
            fields = {key.partition(".")[2]: value for key, value in answers.items() if key.startswith(f"{step}.")}
            assert self.person.send(self.at("step", step), fields).status == 200, step

    def tell(self, step: str) -> str:
        """What its findings say once all is looked at."""
        page = self.at("findings", step)
        return until(lambda: (said := self.person.look(page, **HTMX).text) and 'class="checking"' not in said and said)

    def ready(self) -> bool:
        return f'action="{self.at("install")}"' in self.person.get(self.at("review")).text

    def red(self) -> set[str]:
        """Steps that may not go on."""
        return {step for step in STEPS if "next-action" not in self.tell(step)}

    def ends(self, attempt: int) -> str:
        """The state in which this run ends."""
        page = self.at("progress", attempt)
        states = re.compile(r'data-state="(succeeded|failed|cancelled)"')
        return until(lambda: states.search(self.person.look(page, **HTMX).text))[1]


def everything_wrong(walk: Walk) -> None:
    """Refused forms and requests; red findings, one of them accepted and that taken back."""
    for step, fields in walk.secrets.refused():
        assert walk.person.send(walk.at("step", step), fields).status == 422
        (name, value), *_ = fields.items()
        only = f"{walk.at('step', step)}?only={name.removesuffix('_file')}"
        assert "data-problem" in walk.person.send(only, {name: value}, **HTMX).text
    outside(walk.person, walk.at("step", "registry"), walk.secrets.new("secret of a refused request"))
    for answers in walk.secrets.wrong():
        walk.answer(walk.secrets.right | answers)
        assert walk.red() >= {"cluster", "identity", "registry", "services"}
    walk.person.post(walk.at("waive", "registry.credentials"), reason="The robot is made tomorrow.")
    walk.person.post(walk.at("unwaive", "registry.credentials"))
    walk.person.post(walk.at("check-one", "registry.credentials"))


def everything_echoed(walk: Walk, origin: str) -> dict[str, str]:
    """All systems are one that echoes what it is told; what it must have heard, by its name."""
    secrets, authority = walk.secrets, walk.secrets.estate.ca.ca_pem
    told = {f"echoed {name}": secrets.new(f"echoed {name}") for name in ("password", "client secret", "token")}
    password, client_secret, token = told.values()
    walk.answer(
        secrets.right
        | {
            "registry.project": f"{origin.removeprefix('https://')}/tmc",
            "registry.password": password,
            "identity.issuer_url": origin,
            "identity.client_secret": client_secret,
            "cluster.kubeconfig": kubeconfig(origin, authority, context=CONTEXT, token=token),
        }
    )
    assert walk.red() >= {"cluster", "identity", "registry"}
    return told


def outside(person: Person, page: str, secret: str) -> None:
    """What never comes as far as a form."""
    assert person.send(page, {"password": secret, "csrfmiddlewaretoken": "x" * 64}).status == 403
    assert person.post(page, password=secret * 100_000).status == 413
    assert person.send(page + "nowhere/", {"password": secret}).status == 404


def everything_right(walk: Walk) -> None:
    for name in ("postgres_password", "minio_password"):
        walk.person.post(walk.at("generate", "services", name))
    authority_taken_over(walk)
    walk.answer(walk.secrets.right)
    walk.person.post(walk.at("check", "bundle"))
    walk.person.post(walk.at("check-all"))
    assert walk.red() == set()
    assert walk.ready()


def authority_taken_over(walk: Walk) -> None:
    """The provider's, for the registry, whose field is emptied first: only an empty one is offered it."""
    field_of = f"{walk.at('step', 'registry')}?only=ca"
    assert "data-saved" in walk.person.send(field_of, {"ca": ""}, **HTMX).text
    page = walk.person.look(walk.at("step", "registry")).text
    assert "?from=identity.ca" in page
    address = f"{walk.at('take-over', 'registry', 'ca')}?from=identity.ca"
    assert "data-saved" in walk.person.send(address, {}, **HTMX).text


def a_sign_in_rehearsed(walk: Walk) -> None:
    """With a password that is mistyped once; what is typed here is kept nowhere at all."""
    password = walk.secrets.estate.passwords.people["ada"]
    walk.secrets.typed["password at the provider"] = password
    for given in (walk.secrets.new("mistyped password at the provider"), password):
        page = walk.person.post(walk.at("sign-in-rehearsal-password"), username="ada", password=given)
        assert page.name == "sign-in-rehearsal"
    assert "tmc:admin" in page.text


def a_run_that_fails(walk: Walk) -> None:
    """The registry's password is changed at the last moment, and changed back."""
    users = walk.secrets.estate.registry.users
    robot = users[f"robot${PROJECT}+pusher"]
    users[robot.name] = dataclasses.replace(robot, password=walk.secrets.new("changed password"))
    assert walk.person.post(walk.at("install")).name == "run"
    assert walk.ends(1) == "failed"
    users[robot.name] = robot
    walk.person.post(walk.at("cancel", 1))
    walk.person.post(walk.at("check", "registry"))
    assert walk.red() == set()


def a_run_that_ends(walk: Walk) -> None:
    assert walk.person.post(walk.at("resume")).name == "run"
    assert walk.ends(2) == "succeeded"
    assert walk.person.get(walk.at("open")).name == "done"


def in_vain(found: Walk) -> None:
    """Another installation, emptied, filled again and deleted."""
    walk = Walk(found.person, found.secrets)
    walk.begin("In vain")
    for number in ("first", "second"):
        password = walk.secrets.new(f"{number} password of a deleted installation")
        field_of = f"{walk.at('step', 'registry')}?only=password"
        assert "data-saved" in walk.person.send(field_of, {"password": password}, **HTMX).text
        assert walk.person.post(walk.at("start-over")).path == walk.at("step", "bundle")
    assert walk.person.post(walk.at("delete")).name == "installations"


def first_steps(walk: Walk) -> None:
    walk.sign_in()
    walk.person.post(reverse("theme"), theme="dark")
    walk.begin("Contoso")


def somebody_else(walk: Walk) -> None:
    """Somebody is invited, given another role and a new link, retired and let in again."""
    person, people = walk.person, reverse("people")
    role = re.findall(r'name="(role-\d+)"', person.look(people).text)[0]
    assert person.post(people, **{"name": "vera", role: "viewer"}).status == 200
    walk.other = int(re.findall(r"people/(\d+)/retire/", person.look(people).text)[0])
    for name, fields in (("roles", {role: "installer"}), ("person-link", {}), ("retire", {}), ("bring-back", {})):
        assert person.post(reverse(name, args=[walk.other]), **fields).status == 200, name


def a_session_ended(walk: Walk) -> None:
    """The same person in another browser, sent away from the first one."""
    other = Person(walk.person.origin)
    other.get(reverse("sign-in"))
    password = walk.secrets.typed["password"]
    assert other.post(reverse("sign-in"), name="ada", password=password).name == "installations"
    page = reverse("sessions")
    code = re.findall(r"sessions/(\w+)/end/", walk.person.look(page).text)[0]
    assert walk.person.post(reverse("session-end", args=[code])).name == "sessions"


def a_folder_opened(walk: Walk) -> None:
    """For the bundles of others, and closed again."""
    page = reverse("bundle-folders")
    assert walk.person.send(page, {"path": str(walk.secrets.estate.bundle)}).status == 200
    number = int(re.findall(r"bundle-folders/(\d+)/close/", walk.person.look(page).text)[0])
    assert walk.person.post(reverse("bundle-folder-close", args=[number])).name == "bundle-folders"


PARTS = (
    first_steps,
    everything_wrong,
    in_vain,
    everything_right,
    a_sign_in_rehearsed,
    a_run_that_fails,
    a_run_that_ends,
    somebody_else,
    a_session_ended,
    a_folder_opened,
)


def look_at(person: Person, addresses: Collection[str]) -> None:
    """At each address in each language; at one that shows no page of its own also as the part of a page that it is."""
    for language in LANGUAGES:
        assert person.post(reverse("language"), language=language, next=reverse("welcome")).status == 200
        for address in addresses:
            if _look(person, address, language).status == 302:
                _look(person, address, language, **HTMX)


def _look(person: Person, address: str, language: str, **headers: str) -> Answer:
    answer = person.look(address, **headers)
    assert answer.status in SEEN.get(answer.name, LOOKS), f"{answer.status} of {address}"
    assert b"<html" not in answer.body or f'<html lang="{language}"' in answer.text
    return answer
