"""`--as` and `--explain` of `npconv cost mobilenet_v2` and the others: other packages' counts, and counts explained."""

import argparse
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from .shared import SIDE, WIDTH, Whole, print_table

if TYPE_CHECKING:
    from ..layers import Layer
    from ..models import CountedPart, Explanation, MobileNet, ToolCount

ALL = "all"
TOOLS = (
    "torch", "torch-training", "fvcore", "mmengine", "ptflops", "ptflops-aten", "thop", "torchinfo", "torchprofile",
    "flopth", "calflops", "calflops-macs", "deepspeed", "deepspeed-macs", "paddle", "tensorflow", "jax", "onnx-tool",
    "onnx-opcounter",
)  # fmt: skip
COUNT = Whole(1, 10**18)
EXAMPLES = "a count such as 320300008, or of another width or resolution, 97131840@0.5 or 154083200/160 or 9@0.5/96x64"

Build = Callable[[float], "MobileNet"]  # a network from its width


class Stated(NamedTuple):
    """A count that someone states, and the width and resolution of the network; None for those of the command."""

    number: int
    width: float | None
    resolution: tuple[int, int] | None


def stated(text: str) -> Stated:
    """The type of --explain: NUMBER, or NUMBER@WIDTH, NUMBER/HEIGHTxWIDTH, NUMBER@WIDTH/SIDE and so on.

    >>> stated("320,300,008"), stated("9@0.5/96x64")
    (Stated(number=320300008, width=None, resolution=None), Stated(number=9, width=0.5, resolution=(96, 64)))
    """
    found = re.fullmatch("([0-9,]+)(?:@([^/]+))?(?:/([0-9]+)(?:x([0-9]+))?)?", text, re.ASCII)
    with suppress(argparse.ArgumentTypeError):
        if found:
            number, width, height, across = found.groups()
            sides = (SIDE(height), SIDE(across or height)) if height else None
            return Stated(COUNT(number.replace(",", "")), WIDTH(width) if width else None, sides)
    got = text if len(text) <= 60 else f"{text[:60]}… ({len(text)} characters)"
    raise argparse.ArgumentTypeError(f"must be {EXAMPLES}; got {got or 'nothing'}")


def add_counter(network: argparse.ArgumentParser) -> None:
    """Add --as."""
    words = f"print what another package's counter reports: {', '.join(TOOLS)}, or {ALL}"
    network.add_argument("--as", dest="counter", choices=(*TOOLS, ALL), metavar="COUNTER", help=words)


def add_counters(network: argparse.ArgumentParser) -> None:
    """Add --as and --explain."""
    add_counter(network)
    words = "find the conventions by which the network has this count; more counts, of other widths or resolutions "
    words += "(NUMBER@WIDTH, NUMBER/SIDE, NUMBER@WIDTH/HEIGHTxWIDTH), narrow them down"
    network.add_argument("--explain", nargs="+", type=stated, metavar="NUMBER", help=words)


def print_counts(network: "Layer", images: tuple[int, ...], tool: str, given: dict[str, Any] | None) -> None:
    """Print a counter's number with its parts, or those of all; as JSON, with what was `given`, if that is not None."""
    from .. import models

    counts = [models.count_as(network, images, each) for each in (TOOLS if tool == ALL else (tool,))]
    if given is not None:
        listed = [_count_as_dict(each) for each in counts]
        print(json.dumps({**given, **({"counts": listed} if tool == ALL else listed[0])}, indent=1))
    elif tool == ALL:
        macs = models.summary(network, images).macs
        rows = [[each.tool, each.version, f"{each.total:,}", f"{each.total / macs:.4f}"] for each in counts]
        print_table(["counter", "version", "number", "/ MACs"], rows)
        for each in counts:
            if each.note:
                print(f"{each.tool}: {each.note}")
    else:
        print(counts[0])


def print_explanation(
    build: Build, width: float, images: tuple[int, ...], counts: list[Stated], given: dict[str, Any] | None
) -> None:
    """Print the conventions by which networks have these counts; JSON, with what was `given`, if that is not None."""
    from .. import models

    asked = [
        (each.width or width, (images[0], *(each.resolution or images[1:3]), images[3]), each.number) for each in counts
    ]
    networks = {wide: build(wide) for wide in {wide for wide, *_ in asked}}
    first, *further = [(networks[wide], shape, number) for wide, shape, number in asked]
    result = models.explain_count(*first, further=further)
    if given is None:
        print(result)
        return
    nearest = None if result.nearest is None else _explanation_as_dict(result.nearest)
    found = {
        "number": result.number, "further": result.further, "counters": [_count_as_dict(each) for each in result.tools],
        "explanations": [_explanation_as_dict(each) for each in result.found], "others": result.others,
        "nearest": nearest,
    }  # fmt: skip
    print(json.dumps({**given, **found}, indent=1))


def _count_as_dict(count: "ToolCount") -> dict[str, Any]:
    return {**count._asdict(), "parts": [_part_as_dict(part) for part in count.parts]}


def _explanation_as_dict(explanation: "Explanation") -> dict[str, Any]:
    return {**explanation._asdict(), "parts": [_part_as_dict(part) for part in explanation.parts]}


def _part_as_dict(part: "CountedPart") -> dict[str, Any]:
    return {**part._asdict(), "words": part.words}
