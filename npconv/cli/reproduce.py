"""`npconv reproduce`: the claims of the article, computed, and its figures, drawn; or those of one of its sources."""

import argparse
from pathlib import Path

from .figures import draw
from .shared import Commands, Folder, progress_line

OUT = "reproduced"
SOURCES = ("article", "bai", "v1", "v2", "v3", "ssd")


def add_parser(commands: Commands) -> None:
    """Add `npconv reproduce`."""
    reproduce = commands.add_parser("reproduce", help="compute the article's claims and draw its figures")
    add = reproduce.add_argument
    add("--out", type=Folder(), default=OUT, metavar="DIR", help="where the figures go (%(default)s)")
    either = reproduce.add_mutually_exclusive_group()
    words = (
        "whose claims: the article's, with its figures, K. Bai's, or those of the papers of MobileNetV1 to V3 or SSD"
    )
    either.add_argument("--source", choices=SOURCES, default="article", help=words)
    words = "prove the kernels equal for all numbers instead, on each geometry of a box"
    either.add_argument("--prove", action="store_true", help=words)
    reproduce.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.prove:
        return _prove()
    from ..claims import of

    if arguments.source != "article" and arguments.out != OUT:
        raise ValueError(f"--out is for the article's figures, and --source {arguments.source} draws none")
    claims, different = of(arguments.source), 0
    for number, claim in enumerate(claims, 1):
        progress_line(f"[{number}/{len(claims)}] {claim.name}")
        found = claim.compute()
        progress_line("")
        print(f"{number:2}. {claim.statement}")
        print(f"    {found.verdict}")
        for line in found.numbers:
            print(f"      {line}")
        if claim.functions:
            print(f"      by {', '.join(claim.functions)}" + "".join(f"; figure {name}" for name in claim.figures))
        if found.verdict != claim.verdict:
            different += 1
            print(f"    DIFFERENT: the docs say “{claim.verdict}”")
        print()
    counts = {kind: sum(claim.verdict.startswith(kind) for claim in claims) for kind in ("holds", "fails", "reported")}
    conditions = sum(claim.verdict.startswith("holds if") for claim in claims)
    print(
        f"{len(claims)} claims: {counts['holds'] - conditions} hold, {conditions} hold under a condition, "
        f"{counts['fails']} fail, {counts['reported']} are reported measurements; {different} differ from the docs."
    )
    print("That the kernels are equal for all numbers, on every geometry in a box: npconv reproduce --prove")
    if arguments.source == "article":
        for path in draw(Path(arguments.out)):
            print(f"wrote {path}")
    return 1 if different else 0


def _prove() -> int:
    from ..checks.box import prove_box

    progress_line("every geometry in the box; this takes about a minute")
    try:
        box = prove_box()
    except AssertionError as error:
        progress_line("")
        print(f"npconv reproduce: {error}")
        return 1
    progress_line("")
    for line in (
        f"{box.geometries} geometries of an axis: sides to 6, kernels to 3, strides to 3, dilations to 2, padding to 2",
        "on each side and “same”. Each reads v·s + i·δ; each is run as height and as width beside a few others,",
        f"{box.pairs:,} pairs, with the fast kernels' constants small too, and with depth multipliers and groups to 3.",
        f"{box.equalities:,} equalities hold for all numbers, in any commutative ring: every rung equals every other,",
        "depthwise then pointwise the factored convolution, and each backward is the transpose of its forward.",
        f"A mistake at any one geometry would pass with a chance of at most {box.bound:.0e}, which is below 2⁻⁴⁰.",
    ):
        print(line)
    return 0
