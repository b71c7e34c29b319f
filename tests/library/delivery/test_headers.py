"""Which headers keep which content inert."""

import pytest

from library.delivery.headers import cache_control, content_disposition, is_inline, safety_headers


@pytest.mark.rel("S2")
@pytest.mark.parametrize(("private", "policy"), [(False, "cross-origin"), (True, "same-site")])
def test_every_answer_carries_the_safety_headers(private, policy):
    assert safety_headers(private=private) == {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cross-Origin-Resource-Policy": policy,
        "Referrer-Policy": "no-referrer",
    }


@pytest.mark.rel("S3", "S4", "U9")
@pytest.mark.parametrize(
    ("mime", "beside_admin", "own_host"),
    [
        ("image/jpeg", True, True),
        ("image/heic", True, True),
        ("video/mp4", True, True),
        ("audio/mpeg", True, True),
        ("image/svg+xml", False, True),
        ("text/html", False, False),
        ("application/pdf", False, False),
        ("text/plain", False, False),
        ("application/xml", False, False),
        ("application/octet-stream", False, False),
        ("image/vnd.adobe.photoshop", False, False),
    ],
)
def test_only_what_cannot_run_is_shown_in_a_tab(mime, beside_admin, own_host):
    assert is_inline(mime, own_host=False) is beside_admin
    assert is_inline(mime, own_host=True) is own_host


@pytest.mark.rel("S3", "B14")
@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.png", 'attachment; filename="a.png"'),
        ("two words.png", 'attachment; filename="two words.png"'),
        ("naïve.png", "attachment; filename=\"naive.png\"; filename*=UTF-8''na%C3%AFve.png"),
        ("😀", "attachment; filename=\"file\"; filename*=UTF-8''%F0%9F%98%80"),
        ('a".png', "attachment; filename=\"a_.png\"; filename*=UTF-8''a%22.png"),
        ("a\r\nX: 1.png", "attachment; filename=\"aX_ 1.png\"; filename*=UTF-8''aX%3A%201.png"),
        ("../../x", 'attachment; filename="x"'),
        ("photo\u202egnp.exe", 'attachment; filename="photognp.exe"'),
        ("", 'attachment; filename="file"'),
    ],
)
def test_names_are_cleaned_and_given_in_both_forms(name, header):
    assert content_disposition(name, inline=False) == header


def test_an_inline_answer_has_a_name_too():
    assert content_disposition("a.png", inline=True) == 'inline; filename="a.png"'


@pytest.mark.rel("S5")
def test_private_files_are_never_for_shared_caches():
    assert cache_control(private=True, immutable=True).startswith("private")
    assert cache_control(private=False, immutable=True) == "public, max-age=31536000, immutable"
    assert cache_control(private=False, immutable=False) == "public, max-age=60, must-revalidate"
