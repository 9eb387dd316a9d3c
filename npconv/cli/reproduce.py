"""`npconv reproduce`: the article's claims, computed, and its figures, drawn."""

import argparse
from pathlib import Path

from .figures import draw
from .shared import Commands, progress_line


def add_parser(commands: Commands) -> None:
    """Add `npconv reproduce`."""
    reproduce = commands.add_parser("reproduce", help="compute the article's claims and draw its figures")
    reproduce.add_argument("--out", default="reproduced", metavar="DIR", help="where the figures go (%(default)s)")
    reproduce.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..claims import CLAIMS

    different = 0
    for number, claim in enumerate(CLAIMS, 1):
        progress_line(f"[{number}/{len(CLAIMS)}] {claim.name}")
        found = claim.compute()
        progress_line("")
        print(f"{number:2}. {claim.statement}")
        print(f"    {found.verdict}")
        for line in found.numbers:
            print(f"      {line}")
        print(f"      by {', '.join(claim.functions)}" + "".join(f"; figure {name}" for name in claim.figures))
        if found.verdict != claim.verdict:
            different += 1
            print(f"    DIFFERENT: the docs say “{claim.verdict}”")
        print()
    counts = {kind: sum(claim.verdict.startswith(kind) for claim in CLAIMS) for kind in ("holds", "fails", "reported")}
    conditions = sum(claim.verdict.startswith("holds if") for claim in CLAIMS)
    print(
        f"{len(CLAIMS)} claims: {counts['holds'] - conditions} hold, {conditions} hold under a condition, "
        f"{counts['fails']} fail, {counts['reported']} are reported measurements; {different} differ from the docs."
    )
    for path in draw(Path(arguments.out)):
        print(f"wrote {path}")
    return 1 if different else 0
