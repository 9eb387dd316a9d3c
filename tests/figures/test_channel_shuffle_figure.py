"""What the outputs of the figure read is the product of the layers' own matrices, and the drawing has just that."""

import numpy as np
import pytest
from artists import drawing_of, numbers_in, patches, polygons, texts
from figure_cases import drawn, names
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from npconv import conv2d_loops
from npconv.figures import Figure, channel_shuffle
from npconv.figures.parts.drawing import CHANNEL_HUES, FRONT_UNDER_NUMBERS, shade


def grouped(groups: int, channels: int) -> np.ndarray:
    """The matrix of one grouped layer by the plain loops: a standard convolution for each group."""
    n = channels // groups
    x = np.eye(channels, dtype=int).reshape(channels, 1, 1, channels)
    parts = [conv2d_loops(x[..., g * n : g * n + n], np.ones((1, 1, n, n), int)) for g in range(groups)]
    return np.concatenate(parts, axis=-1).reshape(channels, channels).T


@pytest.mark.parametrize("name", names(channel_shuffle))
def test_outputs_read_what_the_layers_matrices_say(name: str) -> None:
    data = drawn(channel_shuffle, name).data
    g, channels = data["groups"], data["channels"]
    n, layer = channels // g, grouped(g, channels)
    order = [i * n + j for j in range(n) for i in range(g)]
    assert data["permutation"] == order
    assert np.ravel(data["transposed"]).tolist() == order
    assert np.ravel(data["reshaped"]).tolist() == list(range(channels))
    for network, between in zip(data["networks"], (list(range(channels)), order), strict=True):
        assert network["order between"] == between
        reads = layer @ np.eye(channels, dtype=int)[between] @ layer > 0
        assert network["reads"] == [np.flatnonzero(row).tolist() for row in reads]
        assert network["pairs"] == reads.sum()


def test_without_a_shuffle_groups_stay_apart() -> None:
    figure = drawn(channel_shuffle)
    plain, shuffled = figure.data["networks"]
    assert (plain["pairs"], shuffled["pairs"]) == (48, 144)
    assert figure.data["permutation"] == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    assert "no output reads another group's inputs: 48 of 144 pairs" in texts(figure)
    assert "every output reads every input: 144 of 144 pairs" in texts(figure)


def test_too_few_channels_a_group_reach_some_groups_alone() -> None:
    figure = drawn(channel_shuffle, "few channels a group")
    assert "outputs read 2 of 4 groups at most: 32 of 64 pairs" in texts(figure)


def cells(figure: Figure, network: str) -> set[tuple[int, int]]:
    """The (output, input) of the filled cells of a network's matrix."""
    channels = figure.data["channels"]
    front = np.concatenate([cell[:4] for cell in polygons(figure, f"reads-{network}-front")])
    (left, _), (right, top) = front.min(axis=0), front.max(axis=0)
    side = (right - left) / channels
    filled = [cell[:4].mean(axis=0) for g in range(figure.data["groups"])
              for cell in polygons(figure, f"reads-{network}-{g}")]  # fmt: skip
    return {(int((top - y) / side), int((x - left) / side)) for x, y in filled}


@pytest.mark.parametrize("name", names(channel_shuffle))
def test_the_matrices_and_the_lines_are_the_data(name: str) -> None:
    figure = drawn(channel_shuffle, name)
    g, channels = figure.data["groups"], figure.data["channels"]
    for network, word in zip(figure.data["networks"], ("plain", "shuffled"), strict=True):
        assert cells(figure, word) == {(n, m) for n, read in enumerate(network["reads"]) for m in read}
    drawings = {id(d): d for d in figure.figure.findobj(type(drawing_of(figure, "reads-plain-front")))}
    counts = [sum(isinstance(part, Line2D) for part in d.get_children()) for d in drawings.values()]
    assert sorted(count for count in counts if count)[-2:] == [channels + 2 * channels * channels // g] * 2


def test_the_lines_between_are_the_permutation() -> None:
    figure = drawn(channel_shuffle)
    boxes = [d for d in figure.figure.findobj(type(drawing_of(figure, "reads-plain-front")))
             if any(p.get_gid() == "level-0-0-0" for p in d.get_children())]  # fmt: skip
    shuffled = boxes[-1]
    squares = {p.get_gid(): p for p in shuffled.get_children() if isinstance(p, Rectangle) and p.get_gid()}
    middle = {m: squares[f"level-1-{m}-0"].get_x() + squares[f"level-1-{m}-0"].get_width() / 2 for m in range(12)}
    top = squares["level-1-0-0"].get_y()
    found = [line.get_xydata() for line in shuffled.get_children() if isinstance(line, Line2D)]
    between = sorted((end, start) for (start, y), (end, _) in found if y == pytest.approx(top))
    words = {text.get_text(): text.get_position()[1] for text in shuffled.get_children() if isinstance(text, Text)}
    rows = [squares[f"level-{level}-0-0"] for level in range(4)]
    assert words["input"] == pytest.approx(rows[0].get_y() + rows[0].get_height() / 2)
    assert words["output"] == pytest.approx(rows[3].get_y() + rows[3].get_height() / 2)
    assert rows[1].get_y() > words["shuffle"] > rows[2].get_y()
    order = [next(m for m, x in middle.items() if x == pytest.approx(start)) for _, start in between]
    assert order == figure.data["permutation"]


def test_an_output_has_a_stripe_of_each_group_that_it_reads() -> None:
    figure = drawn(channel_shuffle)
    stripes = patches(figure)  # of both networks; the last of a name is the shuffled one's
    for n in range(12):
        colours = [to_hex(stripes[f"level-3-{n}-{stripe}"].get_facecolor()) for stripe in range(3)]
        assert colours == [shade(hue, FRONT_UNDER_NUMBERS) for hue in CHANNEL_HUES]
    assert [to_hex(stripes[f"level-2-{n}-0"].get_facecolor()) for n in (0, 1, 2)] == [
        shade(CHANNEL_HUES[m // 4], FRONT_UNDER_NUMBERS) for m in figure.data["permutation"][:3]
    ]


def test_the_steps_wear_the_channels_numbers() -> None:
    figure = drawn(channel_shuffle)
    for step in range(4):
        for g in range(3):
            assert sorted(map(int, numbers_in(figure, f"step-{step}-{g}"))) == list(range(4 * g, 4 * g + 4))
    assert {"reshape\n(3, 4)", "transpose\n(4, 3)", "group 2"} <= set(texts(figure))


def test_without_a_hue_for_each_group_none_is_named() -> None:
    assert "hue is the group, 0 blue, 1 pink, 2 yellow" in drawn(channel_shuffle).caption
    assert "hue" not in drawn(channel_shuffle, "few channels a group").caption
