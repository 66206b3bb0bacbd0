"""What pages are made of: Markdown that is safe, and figures as people say them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from flows.templatetags.pages import STATES, ago, duration, icon, money, size, with_code
from flows.views.markdown import PAGE_LIMIT, render_markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](https://tracker.example/p.png)",
    '<a href="x" onclick="alert(1)">x</a>',
    "<iframe src=//evil.example></iframe>",
    "[x](https://example.com 'a\" onmouseover=\"alert(1)')",
    "`<b>`\n\n    <script>x</script>",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_stays_text(text: str) -> None:
    html = render_markdown(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert "<iframe" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert " onclick=" not in html.replace("&quot;", '"').split(">")[0]
    assert "onmouseover=" not in html.replace("title=", "").split("&quot;")[0]


def test_markdown_keeps_what_models_write() -> None:
    html = render_markdown(
        "# Hi\n\n- **a**\n- `b`\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n[z](https://z.example)"
    )
    for part in ("<h1>Hi</h1>", "<strong>a</strong>", "<code>b</code>", "<td>1</td>"):
        assert part in html
    assert 'href="https://z.example"' in html
    assert "nofollow" in html


def test_a_window_of_a_huge_text_is_shown_as_it_was_written() -> None:
    html = render_markdown("*word* <b>" * 1_000_000)
    assert len(html) < 2 * PAGE_LIMIT
    assert html.startswith("<pre")
    assert "*word* &lt;b&gt;*word*" in html


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, ""),
        (0, "0 ms"),
        (340, "340 ms"),
        (1_440, "1.4 s"),
        (125_000, "2 m 05 s"),
        (11_220_000, "3 h 07 m"),
    ],
)
def test_durations_are_said_in_short_units(milliseconds: int | None, words: str) -> None:
    assert duration(milliseconds) == words


def test_money_keeps_the_digits_that_a_model_call_needs() -> None:
    assert money(None) == "$0"
    assert money(Decimal("0.00001")) == "<$0.0001"
    assert money(Decimal("0.01234")) == "$0.0123"
    assert money(Decimal("1234.5")) == "$1,234.50"


def test_sizes_and_times_are_said_in_short_units() -> None:
    assert size(512) == "512 bytes"
    assert size(10_485_760) == "10.0 MB"
    now = timezone.now()
    assert ago(now) == "just now"
    assert ago(now - timedelta(minutes=3)) == "3 min ago"
    assert ago(now - timedelta(days=2)) == "2 d ago"
    assert ago(now - timedelta(days=400)) == f"{now - timedelta(days=400):%Y-%m-%d}"
    assert ago(None) == ""


def test_every_state_has_an_icon_and_a_word() -> None:
    sprite = Template("{% load pages %}{% state_sprite %}").render(Context())
    for name, (_, word) in STATES.items():
        assert f'id="state-{name}"' in sprite
        badge = Template("{% load pages %}{% state name %}").render(Context({"name": name}))
        assert word in badge
        assert f"#state-{name}" in badge


def test_an_icon_that_does_not_exist_is_a_box() -> None:
    assert icon("no-such-icon") == icon("box")


def test_the_navigation_marks_the_part_of_the_site() -> None:
    template = Template('{% load pages %}{% nav_link "/" "Flows" "workflow" also="/flows/" %}')

    def link(path: str) -> str:
        return template.render(Context({"request": RequestFactory().get(path)}))

    assert "aria-current" in link("/")
    assert "aria-current" in link("/flows/1/")
    assert "aria-current" not in link("/runs/")


def test_the_query_string_keeps_filters_when_the_page_changes() -> None:
    request = RequestFactory().get("/runs/?status=failed&page=2")
    template = Template("{% load pages %}{% query_with page=3 %}")
    assert template.render(Context({"request": request})) == "?status=failed&amp;page=3"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("It becomes `json`.", "It becomes <code>json</code>."),
        ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
        ("One ` alone", "One ` alone"),
        ("<i>", "&lt;i&gt;"),
        ("", ""),
    ],
)
def test_names_between_backticks_are_code_and_nothing_is_markup(text: str, html: str) -> None:
    assert with_code(text) == html
