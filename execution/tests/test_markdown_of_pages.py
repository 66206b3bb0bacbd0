"""However much Markdown a run gives, the page that shows it is made in a second."""

import time

import pytest
from django.template import Context, Template

from execution.views.values import shown_value
from flows.views.markdown import LIMIT

PAGE = Template(
    "{% load pages %}{% for text in texts %}{% with value=text %}"
    "{% include 'execution/_value.html' %}{% endwith %}{% endfor %}"
)


def test_the_texts_of_a_page_share_its_room_for_markdown() -> None:
    values = [shown_value("*a*" * 5_000), shown_value({"x": "*b*" * 5_000}), shown_value("*c*")]
    html = PAGE.render(Context({"texts": values * 3}))
    assert html.count("<pre") == 2
    assert html.count("<em>c</em>") == 3
    assert PAGE.render(Context({"texts": values})).count("<pre") == 0


DENSE = ("[", "![", "](", "|a", "**a_", "\\[x](", "a\n", "- > ", "`", "<a ", "[[]]", "~~a", "\t")


@pytest.mark.parametrize("sign", DENSE)
def test_a_page_of_dense_markdown_is_made_in_a_second(sign: str) -> None:
    texts = [(sign * LIMIT)[:LIMIT]] * 12
    texts += [sign * 65_536]
    if sign == "|a":
        wide = LIMIT // 6
        texts = ["|a" * wide + "\n" + "|-" * wide + "\n" + "|a" * (wide - 2)] * 12
        texts[1::2] = [("|a|\n|-|\n" + "|\n" * LIMIT)[:LIMIT]] * 6
    began = time.process_time()
    PAGE.render(Context({"texts": [shown_value({"field": text}) for text in texts]}))
    assert time.process_time() - began < 2
