"""hard-swish shows the values and derivatives of the formulas, breaks lines at jumps, and marks both of their sides."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_cases import CASES, DEFAULT, drawn, names
from plots import legend, named, note

from npconv.figures import Figure, hard_swish
from npconv.text import number_text

E = math.exp


def gate(x: float) -> float:
    return 1 / (1 + E(-x))


# Values, and derivatives between the kinks, written as the formulas are.
PLAIN: dict[str, dict[str, tuple[Callable[[float], float], Callable[[float], float]]]] = {
    "activations": {
        "hard_swish": (
            lambda x: x * min(max(x + 3, 0), 6) / 6,
            lambda x: 0 if x < -3 else 1 if x > 3 else x / 3 + 0.5,
        ),
        "swish": (lambda x: x * gate(x), lambda x: gate(x) * (1 + x * gate(-x))),
        "ReLU6": (lambda x: min(max(x, 0), 6), lambda x: float(0 < x < 6)),
    },
    "gates": {
        "hard_sigmoid": (lambda x: min(max(x / 6 + 0.5, 0), 1), lambda x: 1 / 6 if abs(x) < 3 else 0),
        "sigmoid": (gate, lambda x: gate(x) * gate(-x)),
    },
}
JUMPS = {  # at, from the left, from the right, the kernel's
    "hard_swish": [(-3, 0, -1 / 2, 0), (3, 3 / 2, 1, 1)],
    "ReLU6": [(0, 0, 1, 0), (6, 1, 0, 0)],
    "hard_sigmoid": [(-3, 0, 1 / 6, 0), (3, 1 / 6, 0, 0)],
}
FUNCTIONS = [(group, name) for group, functions in PLAIN.items() for name in functions]


def axes_of(figure: Figure) -> dict[str, Any]:
    """The axes by what they show."""
    shown = [f"{group} {part}" for group in PLAIN for part in ("value", "derivative", "difference")]
    return dict(zip(shown, figure.figure.axes, strict=True))


@pytest.mark.parametrize("case", names(hard_swish))
@pytest.mark.parametrize(("group", "name"), FUNCTIONS)
def test_values_and_derivatives_are_the_plain_formulas(case: str, group: str, name: str) -> None:
    data = drawn(hard_swish, case).data
    value, derivative = PLAIN[group][name]
    numbers = data[group][name]
    assert numbers["value"] == pytest.approx([value(x) for x in data["x"]], rel=1e-12, abs=1e-15)
    jumps = {at: kernel for at, _, _, kernel in JUMPS.get(name, [])}
    expected = [jumps.get(x, derivative(x)) for x in data["x"]]
    assert numbers["derivative"] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    inside = [jump for jump in JUMPS.get(name, []) if data["x"][0] < jump[0] < data["x"][-1]]
    assert [k["at"] for k in numbers["kinks"]] == [at for at, *_ in inside]
    for kink, (_, *sides) in zip(numbers["kinks"], inside, strict=True):
        assert [kink[side] for side in ("left", "right", "kernel")] == pytest.approx(sides, abs=1e-12)


@pytest.mark.parametrize("group", PLAIN)
def test_the_largest_difference_is_that_of_the_formulas(group: str) -> None:
    data = drawn(hard_swish).data
    (hard, _), (smooth, _), *_ = PLAIN[group].values()
    differences = [hard(x) - smooth(x) for x in data["x"]]
    assert data[group]["difference"] == pytest.approx(differences, rel=1e-9, abs=1e-12)
    largest = max(map(abs, differences))
    assert data[group]["largest"] == pytest.approx(largest)
    places = [x for x, d in zip(data["x"], differences, strict=True) if abs(d) > largest - 1e-9]
    assert data[group]["largest at"] == places
    found = named(axes_of(drawn(hard_swish))[f"{group} difference"])
    (line,), (dots,) = found[f"difference-{group}"], found[f"largest-{group}"]
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == (data["x"], data[group]["difference"])
    assert list(dots.get_xdata()) == places
    assert np.abs(dots.get_ydata()) == pytest.approx(largest)


def test_hard_swish_is_farthest_from_swish_at_its_kinks() -> None:
    group = drawn(hard_swish).data["activations"]
    assert group["largest at"] == [-3, 3]
    assert group["largest"] == pytest.approx(3 / (1 + E(3)))  # 3 − 3·sigmoid(3)
    fine = np.linspace(-30, 30, 10_001)
    hard, smooth = (np.array([f(x) for x in fine]) for f, _ in list(PLAIN["activations"].values())[:2])
    assert np.abs(hard - smooth).max() <= group["largest"]


@pytest.mark.parametrize("case", names(hard_swish))
@pytest.mark.parametrize(("group", "name"), FUNCTIONS)
def test_lines_are_broken_at_kinks_and_have_a_dot_and_a_ring_there(case: str, group: str, name: str) -> None:
    figure = drawn(hard_swish, case)
    data, axes = figure.data, axes_of(figure)
    (line,) = named(axes[f"{group} value"])[f"value-{name}"]
    assert line.get_xdata().tolist() == data["x"]
    assert line.get_ydata().tolist() == data[group][name]["value"]
    kinks, found = data[group][name]["kinks"], named(axes[f"{group} derivative"])
    pieces = sorted(found[f"derivative-{name}"], key=lambda piece: piece.get_xdata()[0])
    assert len(pieces) == len(kinks) + 1
    for left, right, kink in zip(pieces, pieces[1:], kinks, strict=False):
        assert (left.get_xdata()[-1], left.get_ydata()[-1]) == (kink["at"], kink["left"])
        assert (right.get_xdata()[0], right.get_ydata()[0]) == (kink["at"], kink["right"])
    assert sum(len(piece.get_xdata()) for piece in pieces) == len(data["x"]) + len(kinks)
    dots, rings = (
        {(float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in found.get(f"{kind}-{name}", [])}
        for kind in ("dot", "ring")
    )
    assert dots == {(k["at"], k["kernel"]) for k in kinks}
    assert rings == {(k["at"], k[side]) for k in kinks for side in ("left", "right") if k[side] != k["kernel"]}
    assert len(rings) == len(kinks)
    assert all(ring.get_markerfacecolor() == "white" for ring in found.get(f"ring-{name}", []))


def test_dots_and_rings_have_their_numbers_as_fractions() -> None:
    axes = axes_of(drawn(hard_swish))
    written = {name: sorted(t.get_text() for t in axes[f"{name} derivative"].texts) for name in PLAIN}
    assert written == {
        "activations": sorted(["0", "−1/2", "3/2", "1", "0", "1", "1", "0"]),
        "gates": ["0", "0", "1/6", "1/6"],
    }


@pytest.mark.parametrize("group", PLAIN)
def test_lines_differ_without_colour_and_are_named(group: str) -> None:
    figure = drawn(hard_swish)
    axes = axes_of(figure)
    assert legend(axes[f"{group} value"])[: len(PLAIN[group])] == list(PLAIN[group])
    lines = {name: named(axes[f"{group} value"])[f"value-{name}"][0].get_linestyle() for name in PLAIN[group]}
    assert len(set(lines.values())) == len(PLAIN[group])
    for name, style in lines.items():
        pieces = named(axes[f"{group} derivative"])[f"derivative-{name}"]
        assert {piece.get_linestyle() for piece in pieces} == {style}
    hard, smooth, *_ = PLAIN[group]
    assert axes[f"{group} difference"].get_title(loc="left") == f"{hard} − {smooth}"
    assert "hard_sigmoid(x) = ReLU6(x + 3)/6" in note(figure)


def test_its_words_have_the_numbers() -> None:
    figure = drawn(hard_swish)
    for group in PLAIN:
        data = figure.data[group]
        places = " and ".join(number_text(x) if x % 1 == 0 else f"{x:g}".replace("-", "−") for x in data["largest at"])
        words = f"{data['largest']:.3f} at x = {places}"
        assert words in figure.caption
        assert words in figure.alt
        assert legend(axes_of(figure)[f"{group} difference"])[0] == f"largest: {words}"
    for words in (
        "hard_swish's from 0 to −1/2 at −3 (kernel: 0) and from 3/2 to 1 at 3 (kernel: 1)",
        "hard_sigmoid's from 0 to 1/6 at −3 (kernel: 0) and from 1/6 to 0 at 3 (kernel: 0)",
    ):
        assert words in figure.caption
        assert words in figure.alt


def test_kinks_outside_are_not_drawn() -> None:
    figure = drawn(hard_swish, "from a kink")
    assert CASES[hard_swish]["from a kink"]["x"][0] == 3
    assert [kink["at"] for kink in figure.data["activations"]["ReLU6"]["kinks"]] == [6]
    assert figure.data["activations"]["hard_swish"]["kinks"] == []
    assert "jump: not in this range" in drawn(hard_swish, "narrow").caption
    assert drawn(hard_swish, DEFAULT).data["x"][0] == -6
