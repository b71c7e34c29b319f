"""Transformation strings: what is read, and what is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.transforming.drawing import Step
from library.transforming.steps import BadTransformation, parse_steps, parse_transformation
from mediahub.lib.json_input import BadJSON


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("w-300", [Step(width=300)]),
        ("w-0.5,h-200,c-force", [Step(width=0.5, height=200, crop="force")]),
        ("q-100,f-jpeg,bl-1", [Step(quality=100, format="jpg", blur=1)]),
        (" w-300 , h-200 :f-webp", [Step(width=300, height=200), Step(format="webp")]),
        ("w-1,w-2", [Step(width=2)]),
    ],
)
def test_these_are_read(text, steps):
    assert list(parse_steps(text)) == steps


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("w-0", "w-0"),
        ("w-", "w-"),
        ("w--3", "w--3"),
        ("w-1e3", "w-1e3"),
        ("w-300.5", "w-300.5"),
        ("w-123456", "w-123456"),
        ("w-auto", "w-auto"),
        ("w-iw_div_2", "iw_div_2"),
        ("w-٣٠٠", "w-٣٠٠"),
        ("h-0.0", "h-0.0"),
        ("q-0", "q-0"),
        ("q-101", "q-101"),
        ("q-8.5", "q-8.5"),
        ("bl-101", "bl-101"),
        ("c-crop", "c-crop"),
        ("c-pad_resize", "c-pad_resize"),
        ("f-gif", "f-gif"),
        ("f-JPG", "f-JPG"),
        ("ar-4-3", "ar-4-3"),
        ("cm-extract", "cm-extract"),
        ("n-named", "n-named"),
        ("l-image,i-logo.png,l-end", "l-image"),
        ("e-bgremove", "e-bgremove"),
        ("tr:w-3", "'tr'"),
        ("w-300,,h-3", "empty"),
        ("w-300:", "empty"),
        ("W-300", "W-300"),
        ("rt-90", "rt-90"),
        (":".join(["w-3"] * 11), "10 steps"),
        ("w-3," * 200, "500 characters"),
    ],
)
def test_these_are_refused_by_name(text, named):
    with pytest.raises(BadTransformation) as caught:
        parse_steps(text)
    assert named in caught.value.message
    assert caught.value.field == "transformation"


@pytest.mark.parametrize("text", ["", "  ", "{}", " {} ", '{"post": []}', '"{}"'])
def test_nothing_asked_is_nothing_done(text):
    assert parse_transformation(text) == ()


def test_json_in_json_is_read_too():
    assert parse_transformation('"{\\"pre\\": \\"w-3\\"}"') == (Step(width=3),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"pre": ""}', "not empty"),
        ('{"pre": 3}', "must be a text"),
        ('{"pre": null}', "must be a text"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ('{"pre": "w-3", "post": [{"type": "thumbnail"}]}', "transformation.post is not supported"),
        ('{"pre": "w-3", "during": 1}', "'during' is unknown"),
    ],
)
def test_other_shapes_are_refused(text, says):
    with pytest.raises(BadTransformation) as caught:
        parse_transformation(text)
    assert says in caught.value.message


@pytest.mark.parametrize("text", ["w-300", '{"pre": ', "[" * 1000, '{"pre": "\\ud800"}'])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(BadJSON):
        parse_transformation(text)


@given(st.text(alphabet=st.sampled_from("whcqfbl-0123456789.,:autojpg_"), max_size=40))
def test_any_text_is_steps_or_refused(text):
    try:
        steps = parse_steps(text)
    except BadTransformation:
        return
    for step in steps:
        assert step.width is None or 0 < step.width < 100_000
        assert step.quality is None or 1 <= step.quality <= 100
