import itertools
import json
import re

import numpy as np
import pytest
from pages import CASES, Expected, Page, case, in_place

from npconv import __version__
from npconv.cli import main
from npconv.course.page import notebook_html, page_html, write_page
from npconv.course.page.page import name_places
from npconv.course.steps import KINDS, Panel, Side, Step, Stepper, stepper


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize("name", CASES)
def test_a_page_has_every_number_of_the_last_step_without_scripts_and_of_each_step_in_its_data(name):
    made = case(name)
    page = page_html(made)
    shown, last = Page(page).shown(), Expected(made).at(len(made.steps))
    for p, panel in enumerate(made.panels):
        assert shown["panels"][p] == last["panels"][p], panel.name
    assert shown == last
    data, state = data_of(page), made.state(0)
    places = [in_place(panel) for panel in made.panels]
    for panel, held, indices in zip(made.panels, data["panels"], places, strict=True):
        shown = [np.nan if number is None else number / held["scale"] for number in held["start"]]
        np.testing.assert_array_equal(shown, [state[panel.name][index] for index in indices], err_msg=panel.name)
        assert held["edit"] == (panel.given and panel.name not in ("rows", "columns") and not made.fixed)
    for kept, step in zip(data["steps"], made.steps, strict=True):
        assert (kept["name"], kept["stage"]) == (step.name, step.stage)
        assert kept["sentence"] == step.sentence or "{" in kept["sentence"]
        assert kept["sides"] == [[side.name, side.done, side.total] for side in step.sides]
        for indices, entries in ((kept["reads"], step.reads), (kept["writes"], step.writes)):
            assert [[places[p][k] for k in at] for p, at, *_ in indices] == [[*each] for each in entries.values()]
        ruled = {terms.into[0] for terms in step.terms}
        values = [[*written.values()] for name, written in step.writes.items() if name not in ruled]
        assert [number for _, _, *number in kept["writes"] if number] == [[each] for each in values]
        assert kept["products"] == [number for each in step.products for number in each if not step.terms]
        for (into, factors, *name), terms in zip(kept["terms"], step.terms, strict=True):
            for entry, (panel, indices), own in zip(
                (into, *factors), (terms.into, *terms.factors), (kept["writes"], *[kept["reads"]] * 9), strict=False
            ):
                p, at = (own[entry] if isinstance(entry, int) else entry)[:2]
                assert made.panels[p].name == panel
                assert [None if k is None else places[p][k] for k in at] == [*indices]
            assert name == [terms.function] * bool(terms.function)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_the_default_sizes_is_small_and_asks_for_nothing(kind):
    page = page_html(stepper(kind), command=f"npconv step {kind}")
    assert len(page.encode()) < 300_000
    for word in ("http:", "https:", "//", "url(", "@import", "src=", "href=", "<link", "<img", "fetch(", "import("):
        allowed = len(re.findall(r"^\s*//|; //", page, re.MULTILINE)) if word == "//" else 0  # comments
        assert page.count(word) == allowed, word
    tags = Page(page).tags
    (policy,) = (each for _, each in tags if each.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'")
    assert ("html", {"lang": "en"}) in tags
    assert f"Made by npconv {__version__}: npconv step {kind}" in page
    assert [tag for tag, _ in tags if tag in ("h1", "header", "main", "footer")] == ["header", "h1", "main", "footer"]


def test_the_same_arguments_give_the_same_page(tmp_path):
    for name in ("first", "second"):
        write_page(stepper("separable", seed=4), tmp_path / f"{name}.html", command="npconv step separable --seed 4")
    first, second = ((tmp_path / f"{name}.html").read_bytes() for name in ("first", "second"))
    assert first == second
    assert first != page_html(stepper("separable", seed=5), command="npconv step separable --seed 4").encode()


def hand_made(**changes):
    y = Panel("y", "a & b <i>", np.array([[1.0, 2.0]]), ("row", "column"), "output", given=False)
    sentence = "</script><script>alert(1)</script> & <!-- y"
    step = Step("y", sentence, {}, {"y": {(0, 0): 1.0, (0, 1): 2.0}}, (), (Side("<b>", 0, 0),), **changes)
    return Stepper("made", "<b>title</b>", "<b>summary</b>", (y,), (step,))


def test_texts_cannot_become_tags_or_end_the_data():
    page = page_html(hand_made(stage="<b>"), command="npconv <b>")
    assert "<b>" not in page
    assert "<i>" not in page
    assert page.count("</script>") == 2
    assert data_of(page)["steps"][0]["sentence"] == "</script><script>alert(1)</script> & <!-- y"
    assert Page(page).texts["sentence"] == "</script><script>alert(1)</script> & <!-- y"


def heads_of(page, caption):
    return [page.heads[caption, scope] for scope in ("row", "col")]


def numbered(count, before=0, after=0):
    """The heads of an array's rows or columns, with padding's on both sides."""
    padding = ["·", "padding"]
    return [padding] * before + [[str(number), None] for number in range(count)] + [padding] * after


def test_rows_and_columns_have_the_numbers_of_the_array_and_its_padding_has_none():
    page = Page(page_html(stepper("backward", x=(4, 5, 2), padding=((2, 1), (0, 3)), stride=2)))
    padded = [numbered(4, 2, 1), numbered(5, 0, 3)]
    own = [numbered(4), numbered(5)]
    for channel in range(2):
        assert heads_of(page, f"x channel {channel}; rows: row, columns: column") == padded
        assert heads_of(page, f"dx channel {channel}; rows: row, columns: column") == own
    assert heads_of(page, "dkernel filter 1, channel 0; rows: tap row, columns: tap column") == [numbered(3)] * 2
    assert (page.texts["title-1"], page.texts["title-3"]) == ("x input 4×5×2, padded to 7×8", "dx gradient of x 4×5×2")


def test_the_block_s_padded_map_has_its_own_size_and_the_numbers_of_the_map_before_it():
    made = stepper("inverted-residual", x=(3, 4, 2), stride=2, padding="same", seed=1)
    page = Page(page_html(made))
    titles = [text for name, text in page.texts.items() if name.startswith("title-")]
    assert [title for title in titles if "ReLU6" in title] == [
        "expanded_relu6 ReLU6 of expanded 3×4×4, padded to 5×5",
        "filtered_relu6 ReLU6 of filtered 2×2×4",
    ]
    caption = "{} channel 3; rows: row, columns: column"
    assert heads_of(page, caption.format("expanded_relu6")) == [numbered(3, 1, 1), numbered(4, 0, 1)]
    assert heads_of(page, caption.format("expanded")) == [numbered(3), numbered(4)]
    (step,) = (step for step in made.steps if step.sentence.endswith("at row 2, column 3") and "expand" in step.stage)
    (read,) = step.reads.values()
    (written,) = step.writes.values()
    panel = made.panel("expanded_relu6")
    assert {(panel.numbers(0)[row], panel.numbers(1)[column]) for row, column, _ in written} == {(2, 3)}
    assert {index[:2] for index in read} == {(2, 3)}


def test_a_pair_of_channels_without_a_link_is_marked_and_what_a_step_cuts_is_framed():
    made = stepper("groups", x=(3, 4, 4), out_channels=4)
    text = page_html(made)
    page = Page(text)
    assert '<td class="off">0</td></tr></table>no link</li>' in text
    links = page.panels[[panel.name for panel in made.panels].index("links")]
    marks = {(row, column): mark for (_, row, column), (_, mark) in links.items()}
    assert all(("off" in mark.split()) == (row != column) for (row, column), mark in marks.items())
    cut = {(0, 1), (1, 0), (2, 3), (3, 2)}  # from two groups to four
    assert {index for index, mark in marks.items() if "written" in mark.split()} == cut
    assert page.texts["sentence"].startswith("4 groups, the depthwise convolution: ")


def test_the_gaps_of_a_dilated_filter_are_marked_and_said():
    text = page_html(stepper("dilated"))
    assert '<td class="pad">0</td></tr></table>gap</li>' in text
    assert "gap</li>" not in page_html(stepper("standard"))
    marks = {(row, column): mark for (_, row, column), (_, mark) in Page(text).panels[1].items()}
    assert {place for place, mark in marks.items() if mark == "pad"} == {
        (row, column) for row in range(5) for column in range(5) if row % 2 or column % 2
    }


def test_the_boxes_are_drawn_with_what_became_of_them():
    made = stepper("suppression", boxes=np.array([[0, 0, 10, 10], [0, 0, 10, 8], [12, 4, 20, 9]]))
    text = page_html(made)
    assert '<rect x="4" y="12" width="5" height="8"></rect>' in text
    drawn = re.findall(r'<g class="box input ?([a-z ]*)" data-panel="0" data-row="(\d)">', text)
    state = made.panel("kept").values[0]
    assert [("dropped" in marks, int(row)) for marks, row in drawn] == [(state[k] < 0, k) for k in range(3)]
    assert sum("written" in marks for marks, _ in drawn) == len(made.steps[-1].writes["kept"])
    assert data_of(text)["state"] == 3
    assert "<svg" not in page_html(stepper("pointwise"))
    assert text.rindex("</g>\n<g") < text.index("<text") < text.index(">b0</text>")  # no box covers a name
    assert "<figcaption>b0, b1, …: boxes, dashed if suppressed. " in text
    matching = page_html(stepper("matching"))
    assert "data-panel" in matching
    assert "<figcaption>t0, t1, …: truths; d0, d1, …: default boxes, dashed if background. " in matching


def test_no_name_of_a_drawn_box_covers_another():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [1, 1, 12, 12], [12, 4, 20, 9]])
    places = name_places(boxes, 1.0)
    assert (places[0], places[3]) == ((0.25, 1.1), (4.25, 13.1))
    for (x, y), (other, line) in itertools.combinations(places, 2):
        assert abs(x - other) >= 2 or abs(y - line) >= 0.95


def test_the_command_takes_boxes(tmp_path, capsys):
    out = tmp_path / "page.html"
    words = "suppression --boxes 0,0,10,10 0,0,10.5,8 --scores 0.5 0.75 --threshold 0.25 --image-size 16 20"
    assert main(["step", *words.split(), "--out", str(out)]) == 0
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10.5, 8]])
    made = stepper("suppression", boxes=boxes, scores=np.array([0.5, 0.75]), threshold=0.25, image_size=(16, 20))
    order = "npconv step suppression --image-size 16 20 --boxes 0,0,10,10 0,0,10.5,8 --scores 0.5 0.75 --threshold 0.25"
    assert sorted(order.split()) == sorted(re.search(r"npconv step [^<]*", out.read_text())[0].split())
    assert made.steps[0].sentence in out.read_text()
    assert main(["step", "matching", "--truths", "2", "--one-to-one", "--map-size", "2", "--out", str(out)]) == 0
    assert stepper("matching", truths=2, one_to_one=True, map_size=(2, 2)).summary in out.read_text()
    words = "matching --truths 2,3,12,11 --anchors -8,-8,24,24 0,0,9.5,9 --out"
    assert main(["step", *words.split(), str(out)]) == 0
    assert "--anchors -8,-8,24,24 0,0,9.5,9" in out.read_text()
    for wrong in ("--truths 1,2,3", "--truths 1 2", "--anchors 2", "--threshold 2", "--truths 5,0,1,1"):
        assert main(["step", "matching", *wrong.split(), "--out", str(out)]) == 2
        assert capsys.readouterr().err.startswith(f"npconv step: {wrong.split()[0]} must be ")


def test_the_products_of_backward_are_told_apart_by_what_they_are_added_to():
    step = stepper("backward", x=(2, 3, 1), kernel=(1, 2), out_channels=1, seed=1).steps[-1]
    assert [step.products_of(name) for name in step.sums] == [step.products[::2], step.products[1::2]]
    page = Page(page_html(stepper("backward", x=(2, 3, 1), kernel=(1, 2), out_channels=1, seed=1)))
    assert page.texts["products-summary"] == "2 products for dx and 2 products for dkernel"
    assert [page.products[0], page.products[3]] == ["for dx", "for dkernel"]
    assert not any(step.sums for kind in KINDS if kind != "backward" for step in case(kind).steps)


def test_a_row_of_numbers_is_a_grid_with_one_row():
    row = Panel("bias", "bias", np.array([3, -4]), ("channel",), "filter", given=True)
    step = Step("name", "sentence", {"bias": ((1,),)}, {}, (), (Side("side", 0, 1),))
    page = Page(page_html(Stepper("made", "title", "summary", (row,), (step,))))
    assert page.panels == [
        {("bias ; columns: channel", 0, 0): ("3", ""), ("bias ; columns: channel", 0, 1): ("−4", "read t r b l")}
    ]


def test_a_stepper_that_no_page_can_show_is_refused(monkeypatch):
    made = hand_made()
    with pytest.raises(ValueError, match="page_html: stepper must have steps; got made with none"):
        page_html(Stepper("made", "title", "summary", made.panels, ()))
    monkeypatch.setattr("npconv.course.page.page.LARGEST", 10_000)
    with pytest.raises(
        ValueError, match="page_html: a page holds at most 10,000 characters; made with 1 steps takes 4"
    ):
        page_html(made)


def test_a_notebook_shows_the_page_in_a_frame_of_its_own():
    made = stepper("pointwise", x=(1, 2, 2))
    ((tag, attributes),) = Page(notebook_html(made, height=500)).tags
    assert tag == "iframe"
    assert attributes["srcdoc"] == page_html(made)
    assert attributes["sandbox"] == "allow-scripts"
    assert "height:500px" in attributes["style"]


def test_the_command_writes_the_page_of_its_sizes(tmp_path, capsys):
    out = tmp_path / "new" / "page.html"
    words = "standard --input 5 6 2 --kernel 2 3 --out-channels 3 --stride 2 1 --padding same --dilation 1 2 --seed 7"
    assert main(["step", *words.split(), "--out", str(out)]) == 0
    made = stepper(
        "standard", x=(5, 6, 2), kernel=(2, 3), out_channels=3, stride=(2, 1), padding="same", dilation=(1, 2), seed=7
    )
    assert out.read_text(encoding="utf-8") == page_html(made, command=f"npconv step {words}")
    assert capsys.readouterr().out == f"wrote standard, {len(made.steps)} steps, to {out}\n"
    assert main(["step", "depthwise", "--depth-multiplier", "2", "--padding", "1", "--out", str(out)]) == 0
    assert out.read_text() == page_html(
        stepper("depthwise", depth_multiplier=2, padding=(1, 1)),
        command="npconv step depthwise --depth-multiplier 2 --padding 1",
    )
    words = "transposed --stride 2 --padding 1 --output-padding 1 0"
    assert main(["step", *words.split(), "--out", str(out)]) == 0
    assert out.read_text() == page_html(
        stepper("transposed", output_padding=(1, 0), stride=(2, 2), padding=(1, 1)), command=f"npconv step {words}"
    )
    assert main(["step", "shuffle", "--groups", "3", "--out", str(out)]) == 0
    assert out.read_text() == page_html(stepper("shuffle", groups=3), command="npconv step shuffle --groups 3")
    words = "resize --input 3 4 1 --size 5 2 --align corners"
    assert main(["step", *words.split(), "--out", str(out)]) == 0
    made = stepper("resize", x=(3, 4, 1), size=(5, 2), align="corners")
    assert out.read_text() == page_html(made, command=f"npconv step {words}")
    assert main(["step", "inverted-residual", "--expansion", "3", "--out", str(out)]) == 0
    assert len(data_of(out.read_text())["steps"]) == len(stepper("inverted-residual", expansion=3).steps)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("standard --input 5 6 200", "npconv step: --input has 200 channels, and a page shows at most"),
        ("standard --input 40 6 2", "npconv step: --input has 40 rows or columns, and a page shows at most"),
        ("standard --kernel 2 --out-channels 17", "npconv step: --kernel has 17 channels, and a page shows at most"),
        ("standard --kernel 1 2 3", "--kernel takes one number, or two"),
        ("standard --padding 1 x", "--padding must be valid, same"),
        ("standard --kernel 9", "kernel"),
        ("standard --seed -1", "npconv step: --seed must be a whole number from 0 to 9223372036854775807; got -1"),
        ("pointwise --stride 2", ": pointwise takes no --stride; it takes --input, --out-channels, --seed\n"),
        ("pointwise --kernel 3", ": pointwise takes no --kernel; it takes --input, --out-channels, --seed\n"),
        ("depthwise --out-channels 3", "takes no --out-channels; it takes --input, --kernel, --depth-multiplier, "),
        ("shuffle --stride 2", ": shuffle takes no --stride; it takes --input, --groups, --out-channels, --seed\n"),
        ("shuffle --groups 4", "npconv step: --groups must divide M = 6 and N = 6; got 4"),
        ("transposed --output-padding 2", "npconv step: --output-padding must be below stride"),
        ("standard --groups 2", "standard takes no --groups; it takes --input, "),
        ("groups --expansion 2 --depth-multiplier 2", "groups takes no --expansion and no --depth-multiplier; it"),
        ("standard --out-channels 0", "npconv step: --out-channels must be a whole number from 1 to 1000000; got 0"),
        ("standard --input 0 5 2", "npconv step: --input must be a whole number from 1 to 1000000; got 0"),
        (
            "standard --padding sane",
            "npconv step: --padding must be valid, same, or one or two whole numbers from 0 to",
        ),
        ("resize --size 1 2 3", "--size takes one number, or two for height and width; got 3"),
        ("resize --size 30", "npconv step: y has 30 rows or columns, and a page shows at most"),
        ("resize --align centre", "npconv step: --align must be one of"),
        ("groups --input 4 4 3 --out-channels 2", "and no number above 1 does; got M = 3, N = 2"),
    ],
)
def test_what_no_page_can_show_is_refused_and_leaves_no_file(tmp_path, capsys, words, reason):
    out = tmp_path / "page.html"
    assert main(["step", *words.split(), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("npconv step: ")
    assert reason in error
    assert "stepper" not in error
    assert list(tmp_path.iterdir()) == []


def test_unknown_kinds_and_files_of_another_kind_are_refused(tmp_path, capsys):
    assert main(["step", "standart", "--out", str(tmp_path / "page.html")]) == 2
    assert main(["step", "standard", "--out", str(tmp_path / "page.txt")]) == 2
    assert "--out must be a file that ends in .html" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
