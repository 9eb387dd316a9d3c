"""`npconv vectors`: test vectors for an implementation of one's own."""

import argparse

from .shared import SEED, Commands, File, Whole


def add_parser(commands: Commands) -> None:
    """Add `npconv vectors`."""
    vectors = commands.add_parser("vectors", help="test vectors for an implementation of your own")
    add = vectors.add_argument
    add("--op", required=True, metavar="NAME", help="conv2d, depthwise_conv2d, pointwise_conv2d, …")
    add("--layout", choices=("NHWC", "NCHW"), default="NHWC")
    add("--out", required=True, type=File((".npz",)), metavar="FILE.npz")
    add("--count", type=Whole(1, 10_000), default=32, metavar="CASES", help="drawn; fixed ones follow (%(default)s)")
    add("--seed", type=SEED, default=0)
    vectors.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..checks.vectors import make_vectors
    from ..files import as_npz, write_whole

    vectors = make_vectors(arguments.op, layout=arguments.layout, count=arguments.count, seed=arguments.seed)
    write_whole(arguments.out, as_npz(vectors))
    fixed = len({name.partition("/")[0] for name in vectors}) - arguments.count
    cases = f"{arguments.count} drawn and {fixed} fixed cases"
    print(f"wrote {cases} of {arguments.op}, {arguments.layout}, to {arguments.out}")
    return 0
