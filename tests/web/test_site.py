"""What holds for every page: the policy, no inline script or style, languages, themes, errors, health."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path, reverse
from django.utils import translation

from installer_tasks import answer_keys, saved_answers
from tests.answers import ANSWERS
from tests.web.people import signed_in, text_of
from wizard import urls
from wizard.accounts import routes
from wizard.middleware import POLICY
from wizard.presenters import states

pytestmark = pytest.mark.django_db

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STATIC = ROOT / "static"
HANDLER = re.compile(r"<[^>{]*\son[a-z]+\s*=", re.I)


def pages() -> list[HttpResponse]:
    """One of each kind."""
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    client = signed_in()
    found = [client.get(reverse("step", args=[installation.pk, step])) for step in answer_keys.STEPS]
    found += [client.get(reverse(name, args=[installation.pk])) for name in ("review", "delete", "start-over")]
    found += [client.get(reverse(name)) for name in ("installations", "welcome")]
    found += [Client().get(reverse("sign-in")), client.get("/nothing/")]
    return found  # type: ignore[return-value]


def test_every_answer_carries_the_strict_policy() -> None:
    assert "unsafe" not in POLICY
    for page in pages():
        assert page["Content-Security-Policy"] == POLICY
        assert page["X-Frame-Options"] == "DENY"
        assert page["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_anything_inline() -> None:
    for page in pages():
        html = page.content.decode()
        assert not re.search(r"\sstyle\s*=", html)
        assert not re.search(r"<style", html)
        assert not HANDLER.search(html)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert "javascript:" not in html


def test_no_template_has_anything_inline_or_from_elsewhere() -> None:
    from_elsewhere = re.compile(r"""(src|href|action)\s*=\s*["']?(https?:)?//""")
    unwanted = (re.compile(r"\sstyle\s*=|<style"), HANDLER, from_elsewhere, re.compile(r"\|safe|autoescape off"))
    sources = {template: template.read_text(encoding="utf-8") for template in TEMPLATES}
    assert [
        (str(path), one.pattern) for path, source in sources.items() for one in unwanted if one.search(source)
    ] == []


def test_no_own_file_asks_for_anything_from_elsewhere() -> None:
    for file in (*STATIC.glob("*.css"), *STATIC.glob("*.js")):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"@import|https?://", source), file.name
        assert "eval(" not in source


def test_no_text_of_a_template_is_left_untranslated() -> None:
    """What remains without tags and marked sentences holds no words."""
    found = {str(template): untranslated(template.read_text(encoding="utf-8")) for template in TEMPLATES}
    assert {name: words for name, words in found.items() if words} == {}


def untranslated(source: str) -> set[str]:
    source = re.sub(r"{% block (page|body)_class %}.*?{% endblock %}", " ", source)
    source = re.sub(r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}", " ", source, flags=re.S)
    source = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", " ", source, flags=re.S)
    source = re.sub(r"<(script|code)\b.*?</\1>", " ", source, flags=re.S)
    hidden = re.findall(r'\b(?:aria-label|placeholder|title|alt)="[^"]*[A-Za-z]{2}', source)
    left = re.sub(r"<[^>]*>", " ", source)
    return {*hidden, *re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", left)} - NAMES


#: The same in every language.
NAMES = {"TMC", "SM", "English", "简体中文", "语言", "values", "answers", "yaml", "doctype", "html", "min"}


def test_the_language_is_chosen_by_the_browser_and_by_hand() -> None:
    client = Client(headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert '<html lang="zh-hans"' in client.get(reverse("sign-in")).content.decode()
    client.post(reverse("language"), {"language": "en", "next": reverse("sign-in")})
    assert '<html lang="en"' in client.get(reverse("sign-in")).content.decode()


def test_switching_the_language_comes_back_to_the_page() -> None:
    answer = Client().post(reverse("language"), {"language": "zh-hans", "next": "/sign-in/?next=/welcome/"})
    assert answer["Location"] == "/sign-in/?next=/welcome/"
    assert Client().get(reverse("language")).status_code != 200


@pytest.mark.parametrize("theme", ["light", "dark", "contrast", "system"])
def test_the_theme_is_kept(theme: str) -> None:
    client = Client()
    answer = client.post(reverse("theme"), {"theme": theme, "next": reverse("sign-in")})
    assert answer["Location"] == reverse("sign-in")
    assert f'data-theme="{theme}"' in client.get(reverse("sign-in")).content.decode()


def test_no_other_theme_gets_into_a_page() -> None:
    client = Client()
    client.post(reverse("theme"), {"theme": '"><script>'})
    client.cookies[settings.THEME_COOKIE_NAME] = "evil"
    assert 'data-theme="system"' in client.get(reverse("sign-in")).content.decode()


def test_health_is_said_to_everybody() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_the_picture_in_the_tab_is_ours() -> None:
    location = Client().get("/favicon.ico")["Location"]
    assert (STATIC / Path(location).name).is_file()


def test_the_page_of_components_is_for_development_alone() -> None:
    client = signed_in()
    assert client.get(reverse("design")).status_code == 404
    with override_settings(DEBUG=True):
        words = text_of(client.get(reverse("design")))
    for shown in states.LEVEL.values():
        assert str(shown.word) in words


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    source = " ".join(file.read_text(encoding="utf-8") for file in TEMPLATES)
    used = set(re.findall(r'{% icon "([\w-]+)" %}', source))
    used |= {shown.icon for group in (states.STEP, states.LEVEL, states.STAGE, states.RUN) for shown in group.values()}
    assert used <= drawn


def crash(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("canary-trace")


class Crashing:
    """The installer's addresses and one that is broken."""

    urlpatterns = [*urls.urlpatterns, path("crash/", crash, name="crash")]
    handler400, handler403 = urls.handler400, urls.handler403
    handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def _anybody_may_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(routes.ROUTES, "crash", routes.OPEN)


@pytest.mark.usefixtures("_anybody_may_crash")
@override_settings(ROOT_URLCONF=Crashing)
def test_a_crash_is_a_page_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in()
    client.raise_request_exception = False
    answer = client.get("/crash/")
    assert answer.status_code == 500
    assert "An error occurred in the installer" in text_of(answer)
    assert "canary-trace" not in answer.content.decode()
    assert "canary-trace" in caplog.text


@pytest.mark.usefixtures("_anybody_may_crash")
@override_settings(ROOT_URLCONF=Crashing)
def test_a_crash_is_answered_also_when_the_page_itself_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError

    client = signed_in()
    client.raise_request_exception = False
    monkeypatch.setattr("wizard.views.site.render", broken)
    answer = client.get("/crash/")
    assert (answer.status_code, b"Your saved data is safe" in answer.content) == (500, True)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_sizes_are_the_same_in_every_language(language: str) -> None:
    from wizard.templatetags.wizard import size

    with translation.override(language):
        assert size(512) == "512 B"
        assert size(5 * 1024**3) == "5.0 GiB"


def test_pages_travel_compressed_and_are_the_same() -> None:
    plain = Client().get(reverse("sign-in"))
    small = Client(headers={"Accept-Encoding": "gzip"}).get(reverse("sign-in"))
    assert small["Content-Encoding"] == "gzip"
    assert len(small.content) < len(plain.content) / 2
    assert gzip.decompress(small.content).startswith(b"<!doctype html>")


@pytest.mark.django_db
def test_a_name_that_is_not_known_is_told_with_the_setting() -> None:
    """Before, the page said only that the request was not valid."""
    answer = Client().get("/sign-in/", headers={"Host": "installer.example.com:8000"})
    assert answer.status_code == 400
    said = text_of(answer)
    assert "not set up to be reached as installer.example.com." in said
    assert re.search(r"TMC_INSTALLER_HOSTS=\S*,installer\.example\.com ", said)
    hostile = Client().get("/sign-in/", headers={"Host": "<script>alert(1)</script>"})
    assert (hostile.status_code, b"<script>alert" in hostile.content) == (400, False)
