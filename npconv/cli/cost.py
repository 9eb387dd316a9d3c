"""`npconv cost`: what convolutions and networks cost, and the ratio of the costs."""

import argparse
import json
import sys
from typing import Any

from ..text import shape_text
from .cost_file import add_file
from .cost_networks import add_networks
from .shared import SIZE, Commands, File, padding, padding_word, pair, print_table

MOST_COUNTED = 500_000  # products of a plot: some seconds


def add_parser(commands: Commands) -> None:
    """Add `npconv cost`."""
    cost = commands.add_parser("cost", help="what convolutions and networks cost").add_subparsers(
        dest="what", required=True, metavar="WHAT"
    )
    _add_layer(cost)
    _add_ratio(cost)
    add_networks(cost)
    add_file(cost)


def _add_layer(cost: Commands) -> None:
    layer = cost.add_parser("layer", help="a layer of given sizes, standard and separable")
    add = layer.add_argument
    add("--input", nargs=3, type=SIZE, required=True, metavar=("HEIGHT", "WIDTH", "M"))
    add("--out-channels", type=SIZE, required=True, metavar="N")
    add("--kernel", nargs="+", type=SIZE, default=[3], metavar="D", help="side, or height and width (3)")
    add("--stride", nargs="+", type=SIZE, default=[1], metavar="S")
    add("--dilation", nargs="+", type=SIZE, default=[1], metavar="D")
    words = "valid, same, or one or two numbers"
    add("--padding", nargs="+", type=padding_word, default=["valid"], metavar="P", help=words)
    add("--batch", type=SIZE, default=1, metavar="B")
    add("--depth-multiplier", type=SIZE, default=1, metavar="Q")
    add("--expansion", type=SIZE, metavar="T", help="also an inverted residual with this expansion")
    add("--bias", action="store_true", help="count a bias after each convolution")
    add("--json", action="store_true", help="print JSON instead of a table")
    layer.set_defaults(run=_run_layer)


def _run_layer(arguments: argparse.Namespace) -> int:
    from ..cost import conv2d_cost, depthwise_separable_conv2d_cost, inverted_residual_cost

    height, width, m = arguments.input
    n, q, bias = arguments.out_channels, arguments.depth_multiplier, arguments.bias
    kernel = pair("--kernel", arguments.kernel)
    geometry: dict[str, Any] = {
        "stride": pair("--stride", arguments.stride),
        "dilation": pair("--dilation", arguments.dilation),
        "padding": padding(arguments.padding),
    }
    x = (arguments.batch, height, width, m)
    standard = conv2d_cost(x, (*kernel, m, n), bias=bias, **geometry)
    separable = depthwise_separable_conv2d_cost(x, (*kernel, m * q), (m * q, n), bias=bias, **geometry)
    costs = {"standard": standard, "separable": separable} | {f"  {k}": part for k, part in separable.parts.items()}
    if arguments.expansion is not None:
        wide = m * arguments.expansion
        expand = None if arguments.expansion == 1 else (m, wide)
        block = inverted_residual_cost(x, expand, (*kernel, wide), (wide, n), bias=bias, **geometry)
        costs |= {"inverted residual": block} | {f"  {k} ": part for k, part in block.parts.items()}
    rows: list[dict[str, Any]] = [
        {
            "operation": name.strip(),
            "part": name.startswith(" "),
            "output": list(cost.output_shape),
            "macs": cost.macs,
            "additions": cost.additions,
            "flops": cost.flops,
            "params": cost.params,
            "over_standard": cost.macs / standard.macs,
        }
        for name, cost in costs.items()
    ]
    if arguments.json:
        print(json.dumps({"input": list(x), "rows": rows}, indent=1))
        return 0
    header = ["operation", "output", "MACs", "additions", "FLOPs", "parameters", "MACs / standard"]
    cells = "{macs:,} {additions:,} {flops:,} {params:,} {over_standard:.4f}"
    table = [
        ["  " * row["part"] + row["operation"], shape_text(row["output"]), *cells.format(**row).split()] for row in rows
    ]
    print_table(header, table)
    return 0


def _add_ratio(cost: Commands) -> None:
    ratio = cost.add_parser("ratio", help="the ratio Q(1/N + 1/Dᵣ²), separable over standard")
    add = ratio.add_argument
    add("--kernel", nargs="+", type=SIZE, default=[3, 5, 7], metavar="D", help="kernel sides (3 5 7)")
    doubling = [2**power for power in range(3, 11)]
    words = "output channels (8 to 1024, doubling)"
    add("--out-channels", nargs="+", type=SIZE, default=doubling, metavar="N", help=words)
    add("--depth-multiplier", nargs="+", type=SIZE, metavar="Q", help="(1; in the plot 1 2 4)")
    words = "also the figure cost-ratio with these sizes: .svg or .png"
    add("--plot", type=File((".svg", ".png")), metavar="FILE", help=words)
    add("--json", action="store_true", help="print JSON instead of a table")
    ratio.set_defaults(run=_run_ratio)


def _run_ratio(arguments: argparse.Namespace) -> int:
    from ..cost import break_even_multiplier, cost_ratio

    if arguments.plot:
        _plot_ratio(arguments)
    multipliers = arguments.depth_multiplier or [1]
    rows: list[dict[str, Any]] = [
        {
            "kernel": side,
            "out_channels": n,
            "depth_multiplier": q,
            "ratio": str(cost_ratio(side, n, depth_multiplier=q)),
            "value": float(cost_ratio(side, n, depth_multiplier=q)),
            "limit": q / side**2,
            "break_even_multiplier": float(break_even_multiplier(side, n)),
        }
        for q in multipliers
        for side in arguments.kernel
        for n in arguments.out_channels
    ]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return 0
    header = ["kernel", "N", "Q", "ratio", "", "times cheaper", "limit Q/Dᵣ²", "nothing saved from Q ="]
    cells = "{kernel}×{kernel} {out_channels} {depth_multiplier} {ratio} {value:.4f} {times:.2f} {limit:.4f} "
    cells += "{break_even_multiplier:.2f}"
    table = [cells.format(**row, times=1 / row["value"]).split() for row in rows]
    print_table(header, table)
    return 0


def _plot_ratio(arguments: argparse.Namespace) -> None:
    sides, multipliers = arguments.kernel, arguments.depth_multiplier or (1, 2, 4)
    lines = [(side**2, 1) for side in sides] + [(sides[0] ** 2, q) for q in multipliers]
    products = sum(area * n + q * (area + n) for n in arguments.out_channels for area, q in lines)
    if products > MOST_COUNTED:
        raise ValueError(f"--plot counts every product, at most {MOST_COUNTED:,}; these sizes have {products:,}")
    from ..figures import cost_ratio
    from ..figures.files import picture_bytes
    from ..files import write_whole

    figure = cost_ratio(
        kernel_sizes=sides, out_channels=sorted(set(arguments.out_channels)), depth_multipliers=multipliers
    )
    write_whole(arguments.plot, picture_bytes(figure, arguments.plot[-3:].lower()))
    print(f"wrote {arguments.plot}", file=sys.stderr)
