"""`npconv vectors`: test vectors for an implementation of one's own."""

import argparse

from .shared import SEED, Commands, File, Whole


def add_parser(commands: Commands) -> None:
    """Add `npconv vectors`."""
    vectors = commands.add_parser("vectors", help="test vectors for an implementation of your own")
    add = vectors.add_argument
    add("--op", required=True, metavar="NAME", help="conv2d, depthwise_conv2d, pointwise_conv2d, …")
    add("--layout", choices=("NHWC", "NCHW"), default="NHWC")
    words = "FILE.npz, or FILE.txt for languages that read no .npz"
    add("--out", required=True, type=File((".npz", ".txt")), metavar="FILE", help=words)
    add("--count", type=Whole(1, 10_000), default=32, metavar="CASES", help="drawn; fixed ones follow (%(default)s)")
    add("--seed", type=SEED, default=0)
    vectors.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..checks import make_vectors, vectors_text
    from ..files import as_npz, write_whole

    vectors = make_vectors(arguments.op, layout=arguments.layout, count=arguments.count, seed=arguments.seed)
    text = arguments.out.lower().endswith(".txt")
    write_whole(arguments.out, vectors_text(vectors) if text else as_npz(vectors))
    cases = f"{arguments.count} drawn and {vectors['count'] - arguments.count} fixed cases"
    print(f"wrote {cases} of {arguments.op}, {arguments.layout}, to {arguments.out}")
    return 0
