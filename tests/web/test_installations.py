"""The list: starting, opening where a person is needed, deleting, starting over."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Finding, Installation, Membership, Role, Run, RunState, Workspace
from installer_tasks.preflight import findings
from tests.answers import ANSWERS
from tests.web.people import a_member, signed_in, text_of

pytestmark = pytest.mark.django_db


def an_installation(name: str = "Contoso") -> Installation:
    return saved_answers.create_installation(name)


def test_the_first_visit_says_what_comes() -> None:
    page = text_of(signed_in().get("/"))
    assert "Start your first installation" in page
    assert "Nothing is installed until you press Install" in page


def test_starting_one_leads_to_its_first_step() -> None:
    client = signed_in()
    answer = client.post("/", {"name": "  Contoso   Zürich "}, follow=True)
    made = Installation.objects.get()
    assert made.name == "Contoso Zürich"
    assert made.created_by is not None
    assert answer.redirect_chain[-1][0] == reverse("step", args=[made.pk, "bundle"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 101, "at most 100 printable characters"),
        ("a\x00b", "at most 100 printable"),
        ("contoso", "already"),
    ],
)
def test_a_bad_name_is_told_at_its_field(name: str, words: str) -> None:
    an_installation("Contoso")
    answer = signed_in().post("/", {"name": name})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Installation.objects.count() == 1


def test_without_a_name_it_gets_a_number() -> None:
    client = signed_in()
    for _ in range(2):
        client.post("/", {"name": " "})
    assert sorted(Installation.objects.values_list("name", flat=True)) == ["Installation 1", "Installation 2"]


def test_two_customers_may_use_one_name() -> None:
    """Before, the name was taken for all of them."""
    client = signed_in()
    for customer in ("Fabrikam", "Adatum"):
        assert client.post("/", {"name": "Production", "customer": customer}).status_code == 302
    refused = client.post("/", {"name": "production", "customer": "ADATUM"})
    assert refused.status_code == 422
    assert "This customer has an installation with this name already" in text_of(refused)
    assert Installation.objects.filter(name="Production").count() == 2


def test_nothing_is_created_when_the_form_is_refused() -> None:
    """Before, the customer was there although the name was refused."""
    refused = signed_in().post("/", {"name": "x" * 101, "customer": "Fabrikam"})
    assert refused.status_code == 422
    assert not Workspace.objects.filter(name="Fabrikam").exists()
    assert not Installation.objects.exists()


def test_the_list_says_state_last_step_and_next_action() -> None:
    installation = an_installation()
    saved_answers.remember_step(installation, "registry")
    page = text_of(signed_in().get("/"))
    for words in ("Contoso", "Registry", "in preparation", "Continue"):
        assert words in page


@pytest.mark.parametrize(
    ("state", "page"), [(RunState.RUNNING, "run"), (RunState.FAILED, "run"), (RunState.SUCCEEDED, "done")]
)
def test_opening_one_with_a_run_leads_to_it(state: RunState, page: str) -> None:
    installation = an_installation()
    Run.objects.create(installation=installation, attempt=1, state=state, sealed_plan="", release="1.4.1")
    answer = signed_in().get(reverse("open", args=[installation.pk]))
    assert answer["Location"] == reverse(page, args=[installation.pk])


def test_opening_one_leads_to_the_first_step_that_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = an_installation()
    states = {"bundle": "proven", "cluster": "warned", "dns": "checking", "identity": "failed"}
    monkeypatch.setattr(findings, "step_state", lambda _installation, step: states.get(step, "empty"))
    answer = signed_in().get(reverse("open", args=[installation.pk]))
    assert answer["Location"] == reverse("step", args=[installation.pk, "identity"])


def test_before_deleting_it_says_what_is_lost() -> None:
    installation = an_installation()
    saved_answers.save_answers(installation, ANSWERS)
    Finding.objects.create(installation=installation, check_name="dns.wildcard", level="pass", verdict={})
    page = text_of(signed_in().get(reverse("delete", args=[installation.pk])))
    assert f"{len(ANSWERS)} values, 6 of them secret" in page
    assert "1 finding" in page
    assert Installation.objects.filter(pk=installation.pk).exists()


def test_deleting_takes_everything_and_is_remembered() -> None:
    installation = an_installation()
    saved_answers.save_answers(installation, ANSWERS)
    client = signed_in()
    page = text_of(client.post(reverse("delete", args=[installation.pk]), follow=True))
    assert "Deleted Contoso." in page
    assert not Installation.objects.exists()
    assert AuditEntry.objects.filter(action="installation.deleted", detail={"name": "Contoso"}).exists()


@pytest.mark.parametrize("page", ["delete", "start-over"])
def test_nothing_is_deleted_while_a_run_is_under_way(page: str) -> None:
    installation = an_installation()
    Run.objects.create(installation=installation, attempt=1, state=RunState.RUNNING, sealed_plan="", release="1.4.1")
    answer = signed_in().post(reverse(page, args=[installation.pk]))
    assert "Stop it first" in text_of(answer)
    assert Run.objects.exists()


def test_starting_over_keeps_the_name_alone() -> None:
    installation = an_installation()
    saved_answers.save_answers(installation, ANSWERS)
    Run.objects.create(installation=installation, attempt=1, state=RunState.FAILED, sealed_plan="", release="1.4.1")
    answer = signed_in().post(reverse("start-over", args=[installation.pk]), follow=True)
    assert "Contoso starts over." in text_of(answer)
    installation.refresh_from_db()
    assert (installation.name, installation.step) == ("Contoso", "bundle")
    assert not installation.answers.exists()
    assert not installation.runs.exists()


def test_what_is_not_there_is_told_so() -> None:
    answer = signed_in().get(reverse("open", args=[99]))
    assert answer.status_code == 404
    assert "Page not found" in text_of(answer)


def names_on(page: str) -> list[str]:
    """Of the installations in the list, from top to bottom."""
    return re.findall(r'<h[23]><a href="/installations/\d+/">([^<]+)</a>', page)


def test_many_are_listed_in_pages_of_fifty() -> None:
    for number in range(120):
        an_installation(f"Site {number:03}")
    client = signed_in()
    pages = [names_on(client.get("/", {"page": number}).content.decode()) for number in (1, 2, 3)]
    assert [len(names) for names in pages] == [50, 50, 20]
    assert sorted(name for names in pages for name in names) == [f"Site {number:03}" for number in range(120)]
    assert "Page 2 of 3" in text_of(client.get("/?page=2"))


@pytest.mark.parametrize("nonsense", ["0", "-1", "x", "9" * 30, "77", "²"])
def test_a_page_that_is_none_shows_one_that_is(nonsense: str) -> None:
    an_installation()
    assert names_on(signed_in().get("/", {"page": nonsense}).content.decode()) == ["Contoso"]


def test_a_search_finds_a_part_of_the_name_and_keeps_what_was_searched_for() -> None:
    for name in ("Berlin north", "Bern", "Zürich <north>"):
        an_installation(name)
    client = signed_in()
    assert sorted(names_on(client.get("/?search=NORTH").content.decode())) == ["Berlin north", "Zürich &lt;north&gt;"]
    empty = client.get("/", {"search": "nowhere <b>"})
    assert names_on(empty.content.decode()) == []
    assert "No installation has “nowhere <b>” in its name." in text_of(empty)
    assert "Start your first installation" not in text_of(empty)


def test_a_search_goes_on_over_its_pages() -> None:
    for number in range(60):
        an_installation(f"a & b {number}")
    page = signed_in().get("/", {"search": "a & b"}).content.decode()
    assert "?page=2&amp;search=a%20%26%20b" in page


def test_installations_stand_below_their_customer() -> None:
    for customer, name in (("Fabrikam", "Harbour"), ("Adatum", "Office"), ("Fabrikam", "Airport")):
        saved_answers.create_installation(name, workspace=Workspace.objects.get_or_create(name=customer)[0])
    an_installation()
    words = text_of(signed_in().get("/"))
    places = [words.index(word) for word in ("Without a customer", "Contoso", "Adatum", "Office", "Fabrikam Airport",
                                             "Harbour")]  # fmt: skip
    assert places == sorted(places)


def test_what_may_be_changed_is_told_of_each_customer() -> None:
    ours, theirs = (Workspace.objects.create(name=name) for name in ("Ours", "Theirs"))
    person = a_member("ines", Role.INSTALLER, ours)
    Membership.objects.create(workspace=theirs, person=person, role=Role.VIEWER)
    for place in (ours, theirs):
        saved_answers.create_installation(f"At {place}", workspace=place)
    saved_answers.create_installation("Not theirs to see")
    words = text_of(signed_in(person).get("/"))
    assert words.index("At Ours") < words.index("At Theirs") < words.index("read only")
    assert words.count("read only") == 1
    assert "Not theirs to see" not in words
