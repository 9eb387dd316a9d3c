"""The channel shuffle as an exercise, and its gradient."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...kernels.geometry import Array
from ...kernels.shuffle import channel_shuffle, channel_shuffle_backward
from ...kernels.signatures import SHUFFLE as SHUFFLE_ROW
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Size, Sizes, Task
from .variants import Variant

MEMBERS = Size("members", 1, (2, 3), "each group has {} channels")
GROUPS = Size("groups", 1, (2, 3), "there are {} groups")


def shuffle_case(sizes: Sizes, draw: Draw) -> Case:
    """x (B, Dᵤ, Dᵤ, M), whose M channels are so many groups; the tens of its numbers are the channel."""
    channels = sizes["groups"] * sizes["members"]
    x = draw(sizes["batch"], sizes["height"], sizes["width"], channels) + 10 * np.arange(channels, dtype=np.int64)
    return Case({"x": x}, {"groups": sizes["groups"]}, sizes)


def shuffle_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """dy and x."""
    case = shuffle_case(sizes, draw)
    return Case({"dy": draw(*case.arrays["x"].shape), **case.arrays}, case.options, sizes)


def in_order(a: Array, groups: int, variant: Variant) -> Array:
    """The map with its groups in the order in which the variant deals them; the same again undoes it."""
    if variant.groups == "in order":
        return a
    reversed_groups: Array = a.reshape(*a.shape[:3], groups, -1)[..., ::-1, :].reshape(a.shape)
    return reversed_groups


def forward(case: Case, variant: Variant) -> Result:
    """The right answer, by npconv's own shuffle."""
    x, groups = case.arrays["x"], case.options["groups"]
    return (channel_shuffle(in_order(x, groups, variant), groups=groups),)


def backward(case: Case, variant: Variant) -> Result:
    """The right gradient."""
    (dy, x), groups = case.arrays.values(), case.options["groups"]
    return (in_order(channel_shuffle_backward(dy, x, groups=groups), groups, variant),)


def _of(name: str, change: Callable[[Array, int], Array]) -> Answer:
    """The answer that an array of that name, changed, would be."""
    return lambda case, variant, reference: (change(case.arrays[name], case.options["groups"]),)


def _exchanged(case: Case, variant: Variant, reference: Reference) -> Result:
    """The answer with the number of groups and that of their channels exchanged."""
    groups, channels = case.options["groups"], case.arrays["x"].shape[-1]
    return reference(m.changed(case, {"groups": lambda _: channels // groups}), variant)


def _with_positions(a: Array, groups: int) -> Array:
    mixed: Array = a.reshape(groups, -1).T.reshape(a.shape)
    return mixed


def _in_groups(a: Array, groups: int) -> Array:
    return a.reshape(*a.shape[:3], groups, -1)


def wrong_in(name: str) -> dict[str, Answer]:
    """The mistakes of a shuffle of the array of that name."""
    return {
        "nothing is shuffled: the axes are split and not exchanged": _of(name, lambda a, groups: a),
        "the groups and the channels of a group are exchanged": _exchanged,
        "the positions are shuffled with the channels": _of(name, _with_positions),
        "the groups come in reverse order, and their channels stay together": _of(
            name, lambda a, groups: _in_groups(a, groups)[..., ::-1, :].reshape(a.shape)
        ),
        "the channels of each group are reversed": _of(
            name, lambda a, groups: _in_groups(a, groups)[..., ::-1].reshape(a.shape)
        ),
        "all channels are reversed": _of(name, lambda a, groups: a[..., ::-1]),
        "there are two groups, whatever groups is": m.taking(groups=lambda _: 2),
        "only the first image of the batch is used": m.taking(**{name: m.only(0, 0)}),
        "only the last image of the batch is used": m.taking(**{name: m.only(-1, 0)}),
    }


_FURTHER: tuple[Sizes, ...] = (
    *({"batch": 2, "height": 2, "width": 3, "groups": 2, "members": 3, **numbers} for numbers in c.KINDS_OF_NUMBERS),
    {"batch": 3, "height": 3, "width": 3, "groups": 3, "members": 1},
    {"batch": 4, "height": 4, "width": 5, "groups": 4, "members": 5},
    {"height": 6, "width": 6, "groups": 3, "members": 2},
)
SHUFFLE_FORWARD = Task(
    "channel_shuffle",
    points=2,
    arrays=(("x", "volume"),),
    options=(("groups", ""),),
    sizes=(c.BATCH, *c.MAP, GROUPS, MEMBERS),
    build=shuffle_case,
    reference=forward,
    results=(("y", "volume"),),
    text="The channel shuffle: the channels of all groups, dealt one at a time from each group in turn.\n\n"
    "The M channels are groups of M/groups neighbours. Channel j of group i becomes channel {dealt}.",
    example={"groups": 2, "members": 3},
    wrong=wrong_in("x"),
    explained=True,
    choices=("groups",),
    row=SHUFFLE_ROW,
    further=_FURTHER,
)
SHUFFLE_BACKWARD = replace(
    SHUFFLE_FORWARD,
    name="channel_shuffle_backward",
    arrays=(("dy", "volume"), ("x", "volume")),
    results=(("dx", "volume"),),
    build=shuffle_backward_case,
    reference=backward,
    text="The gradient of the channel shuffle: of Σ dy · y with respect to x.\n\n"
    "y has the channels of x in another order: the M channels are groups of M/groups neighbours, and channel j of "
    "group i becomes channel {dealt}. So dx has the channels of dy in the order that takes this back.",
    wrong={
        "dy is shuffled as x is, where the shuffle has to be taken back": lambda case, variant, reference: forward(
            replace(case, arrays={"x": case.arrays["dy"]}), variant
        ),
        **wrong_in("dy"),
        "x is taken for dy": lambda case, variant, reference: reference(
            replace(case, arrays={**case.arrays, "dy": case.arrays["x"]}), variant
        ),
    },
)

SHUFFLE = Exercise(
    "shuffle", "the channel shuffle, and its gradient", (SHUFFLE_FORWARD, SHUFFLE_BACKWARD), ("channels", "groups")
)
