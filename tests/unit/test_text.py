"""Sentences: plurals, sentences inside sentences, and their stored form, in English and in the reader's language."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.text import Text, mark_plural, text
from wizard.texts import render

NODES = mark_plural("%(count)d node of %(cluster)s is not ready", "%(count)d nodes of %(cluster)s are not ready")


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, "0 nodes of lab are not ready"),
        (1, "1 node of lab is not ready"),
        (2, "2 nodes of lab are not ready"),
    ],
)
def test_the_number_decides_between_singular_and_plural(count: int, sentence: str) -> None:
    assert str(text(NODES, count=count, cluster="lab")) == sentence


def test_the_first_whole_number_of_the_sentence_decides() -> None:
    template = mark_plural("%(host)s: %(bad)d of %(all)d image", "%(host)s: %(bad)d of %(all)d images")
    assert str(text(template, all=9, bad=1, host="reg")) == "reg: 1 of 9 image"


def test_a_sentence_inside_a_sentence_keeps_the_readers_language() -> None:
    outer = text("%(title)s: done.", title=text("Push the images"))
    stored = Text.from_json(json.loads(json.dumps(outer.as_json())))
    assert str(stored) == "Push the images: done."
    with translation.override("zh-hans"):
        assert render(stored) == render(text("%(title)s: done.", title=render(text("Push the images"))))
        assert "Push" not in render(stored)


def test_a_literal_percent_sign_needs_no_parameters() -> None:
    assert str(text("100 % sure")) == "100 % sure"


PARAMS = st.dictionaries(
    st.sampled_from(["count", "cluster"]),
    st.recursive(
        st.one_of(st.integers(), st.text()),
        lambda inner: st.builds(lambda value: text("inner %(value)s", value=value), inner),
        max_leaves=3,
    ),
)


@given(PARAMS)
def test_the_stored_form_gives_the_same_sentence(params: dict[str, int | str | Text]) -> None:
    sentence = Text("%(count)s in %(cluster)s", params, "%(count)s within %(cluster)s")
    assert str(Text.from_json(json.loads(json.dumps(sentence.as_json())))) == str(sentence)


def test_a_plural_can_be_copied_and_sent_to_another_process() -> None:
    template = mark_plural("%(count)d node", "%(count)d nodes")
    for found in (copy.deepcopy(template), pickle.loads(pickle.dumps(template))):
        assert (found, found.plural) == (template, template.plural)
