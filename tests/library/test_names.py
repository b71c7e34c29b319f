"""Names as clients give them and as they are stored."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.names import (
    BadName,
    clean_coordinates,
    clean_file_name,
    clean_folder_path,
    clean_tags,
    normal_path,
    with_random_suffix,
)


@pytest.mark.rel("U2", "B14")
@pytest.mark.parametrize(
    ("given_name", "stored"),
    [
        ("chair.jpg", "chair.jpg"),
        ("my chair (1).jpg", "my_chair__1_.jpg"),
        ("snake_case.png", "snake_case.png"),
        ("/abs", "_abs"),
        ("a%00.png", "a_00.png"),
        ('say "hi"\r\n.txt', "say__hi___.txt"),
        ("con", "con"),
        ("emoji\U0001f600.png", "emoji_.png"),
        ("evil\u202egnp.exe", "evil_gnp.exe"),
        ("Überfluß-٣.tar.gz", "Überfluß-٣.tar.gz"),
        ("ελληνικά.pdf", "ελληνικά.pdf"),
        ("हिन्दी.pdf", "हिन्दी.pdf"),
    ],
)
def test_everything_but_letters_marks_digits_dots_and_hyphens_becomes_an_underscore(given_name, stored):
    assert clean_file_name(given_name) == stored


@pytest.mark.rel("U2", "B14")
@pytest.mark.parametrize(
    "name", ["", "   ", "\t\n", ".", "..", ".htaccess", "../../etc/passwd", "..\\..\\x", "a" * 256]
)
def test_names_that_no_cleaning_helps_are_refused(name):
    with pytest.raises(BadName) as caught:
        clean_file_name(name)
    assert caught.value.field == "fileName"


@pytest.mark.rel("B14")
def test_both_normal_forms_of_a_name_are_one_name():
    assert clean_file_name("cafe\u0301.jpg") == clean_file_name("caf\u00e9.jpg") == "caf\u00e9.jpg"


@pytest.mark.rel("U2")
def test_length_is_counted_in_bytes():
    assert clean_file_name("é" * 127) == "é" * 127
    with pytest.raises(BadName, match="255 bytes"):
        clean_file_name("é" * 128)


@pytest.mark.rel("U2", "B14")
@given(st.text(max_size=300))
def test_no_name_of_any_content_gets_past_the_rules(name):
    try:
        clean = clean_file_name(name)
    except BadName:
        return
    assert clean
    assert not clean.startswith(".")
    assert len(clean.encode()) <= 255
    assert all(unicodedata.category(char)[0] in "LMN" or char in "._-" for char in clean)
    assert unicodedata.is_normalized("NFC", clean)


def test_random_suffix_stands_before_the_extension():
    assert re.fullmatch(r"sofa_[A-Za-z0-9_-]{9}\.jpg", with_random_suffix("sofa.jpg"))
    assert re.fullmatch(r"archive\.tar_[A-Za-z0-9_-]{9}\.gz", with_random_suffix("archive.tar.gz"))
    assert re.fullmatch(r"README_[A-Za-z0-9_-]{9}", with_random_suffix("README"))


@given(st.text(alphabet="aé.-_", min_size=1, max_size=255).filter(lambda text: not text.startswith(".")))
def test_a_name_with_suffix_still_fits(name):
    suffixed = with_random_suffix(name.encode()[:255].decode(errors="ignore"))
    assert len(suffixed.encode()) <= 255
    assert not suffixed.startswith(".")


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("", "/"),
        ("/", "/"),
        ("a", "/a"),
        ("/a/b/", "/a/b"),
        ("//a///b", "/a/b"),
        ("/summer 2026/no.1", "/summer_2026/no_1"),
        ("/back\\slash", "/back_slash"),
        ("/Кириллица/日本", "/Кириллица/日本"),
    ],
)
def test_folder_paths_start_at_the_root_and_are_cleaned_part_by_part(path, stored):
    assert clean_folder_path(path) == stored


@pytest.mark.parametrize(
    "path", ["..", "/a/../b", "/./a", "/" + "/".join("a" * 51), "/" + "a" * 256, "/" + "é/" * 49 + "x" * 2048]
)
def test_folder_paths_that_lead_elsewhere_or_too_deep_are_refused(path):
    with pytest.raises(BadName) as caught:
        clean_folder_path(path)
    assert caught.value.reason == "INVALID_FOLDER_PATH"


def test_looking_up_a_path_replaces_nothing():
    assert normal_path("products//shoes/") == "/products/shoes"
    assert normal_path("/a b") == "/a b"


@pytest.mark.rel("B22")
def test_tags_are_trimmed_and_repeats_dropped_but_case_kept():
    assert clean_tags([" a ", "b", "a", "", "  ", "A", "<b>x</b>"]) == ("a", "b", "A", "<b>x</b>")


@pytest.mark.rel("B22")
def test_tags_have_500_characters_in_all():
    assert len(clean_tags(["x" * 499, "y"])) == 2
    for names in (["x" * 499, "yz"], [str(n) for n in range(10_000)]):
        with pytest.raises(BadName, match="500 characters"):
            clean_tags(names)


@pytest.mark.rel("B22")
def test_tags_with_a_percent_sign_are_refused():
    with pytest.raises(BadName, match="%"):
        clean_tags(["50%"])


def test_coordinates_are_four_whole_numbers():
    assert clean_coordinates(" 10, 20,30 ,40") == "10,20,30,40"
    for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-1,2,3,4", "1.5,2,3,4", "1,2,3,٤", "1,2,3,4\n5"):
        with pytest.raises(BadName):
            clean_coordinates(text)
