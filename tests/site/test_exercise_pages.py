"""The pages of the exercises: each has its file, its words and its links, and the table leads to it."""

import html
import re

import pytest

from npconv.course.exercises import EXERCISES
from npconv.course.exercises.template import exercise_of, exercise_text
from npconv.site.exercises import read_first


def shown(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text))


@pytest.fixture(scope="module")
def table(site) -> str:
    return (site / "exercises.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_has_a_page_that_the_table_leads_to(site, table, name):
    assert f'href="exercises/{name}.html"><code' in table
    text = (site / "exercises" / f"{name}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    code = re.search(r'<div class="npconv-desk">.*?<pre>(.*?)</pre>', article, re.DOTALL)
    assert shown(code[1]) == exercise_text(*exercise_of(name, None))
    points = [int(number) for number in re.findall(r"<td>(\d+)</td></tr>", article)]
    assert sum(points) == EXERCISES[name].points
    assert f"npconv grade {name.replace('-', '_')}.py" in article
    links = [target for target in re.findall(r'href="([^"]+)"', article) if not target.startswith("#")]
    assert any(target.startswith("../") for target in links)
    for target in links:
        path, _, anchor = target.partition("#")
        page = (site / "exercises" / path).resolve()
        assert page.is_file(), target
        assert not anchor or f'id="{anchor}"' in page.read_text(encoding="utf-8"), target


def test_what_to_read_first_is_what_the_table_says():
    row = "| `iou` | `iou` | 2 | [a b](/lessons/detection.md#iou), [below](#reading) |\n"
    assert read_first("iou", row) == [("a b", "lessons/detection", "#iou"), ("below", "exercises", "#reading")]
    with pytest.raises(ValueError, match=r"read_first: docs/exercises\.md must say what to read before costs"):
        read_first("costs", row)
