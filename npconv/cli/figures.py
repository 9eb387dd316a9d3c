"""`npconv figures`: the article's figures, drawn."""

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .cost_networks import CLASSES
from .shared import ALIASES, SIDE, WIDTH, Commands, Folder, Whole, add_sizes, option_name, progress_line, size_of

SHAPES: tuple[dict[str, str], ...] = (
    {"x": "1HWM", "kernel": "DEMN"},
    {"x": "1HWM", "depthwise": "DEC", "pointwise": "CN"},
    {"x": "1HWm", "reduce": "mc", "spatial": "DEcc", "restore": "cm",
     "narrow": "1HWM", "expand": "MC", "depthwise": "DEC", "project": "CN"},
    {"x": "1HWM", "expand": "MC", "depthwise": "DEC", "project": "CN"},
    {"x": "1FHWM", "kernel": "GDEMN"},
    {"x": "1HWM"},
    {},
)  # fmt: skip
"""The shapes that builders take, an axis a letter.

No option sets m and c, the channels of the conventional block, nor F and G, the depths in 3D.
"""

LETTERS = {"input": "HWM", "kernel": "DE", "out_channels": "N", "depth_multiplier": "Q", "expansion": "T"}
COUNTS = ("kernel", "out_channels", "depth_multiplier")  # builders take one, or several; of a kernel also its two sides
DIRECT = (*COUNTS, "stride", "padding", "dilation", "expansion", "seed", "width", "resolution", "classes")
"""Options that a builder may have a parameter for."""


def add_parser(commands: Commands) -> None:
    """Add `npconv figures`."""
    figures = commands.add_parser("figures", help="draw the article's figures, with sizes of your own")
    figures.add_argument("names", nargs="*", metavar="NAME", help="which ones (all)")
    figures.add_argument("--out", type=Folder(), default="figures", metavar="DIR", help="where they go (%(default)s)")
    figures.add_argument("--format", choices=("svg", "png"), help="for all pictures (each figure's own)")
    figures.add_argument("--animate", action="store_true", help="a GIF too of those figures that step")
    figures.add_argument("--fps", type=Whole(1, 50), metavar="N", help="frames a second of the GIFs (1)")
    figures.add_argument("--loop", action="store_true", help="GIFs that begin again at their end")
    figures.add_argument("--list", action="store_true", help="print the names, and draw nothing")
    sizes = add_sizes(figures, "sizes of the figures named, each one's own unless given", several="+")
    sizes.add_argument("--width", type=WIDTH, metavar="FACTOR", help="of a network's channels")
    sizes.add_argument("--resolution", nargs="+", type=SIDE, metavar="D", help="of a network's images")
    sizes.add_argument("--classes", type=CLASSES, metavar="N", help="of a network")
    figures.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..figures import ANIMATIONS, BUILDERS

    names = list(dict.fromkeys(arguments.names)) or list(BUILDERS)
    unknown = [name for name in names if name not in BUILDERS]
    if unknown:
        raise ValueError(f"no figure is called {', '.join(unknown)}; there are {', '.join(BUILDERS)}")
    if arguments.list:
        for name in names:
            print(f"{name:<24}  {(BUILDERS[name].__doc__ or '').splitlines()[0]}")
        return 0
    animated = [name for name in names if name in ANIMATIONS] if arguments.animate else []
    if arguments.animate and not animated:
        raise ValueError(f"--animate is for {', '.join(ANIMATIONS)}; got {', '.join(names)}")
    if (arguments.loop or arguments.fps is not None) and not arguments.animate:
        raise ValueError("--loop and --fps go with --animate")
    given = {name: value for name, value in vars(arguments).items() if name in ("input", *DIRECT)}
    if given and not arguments.names:
        raise ValueError(f"sizes go with the NAME of a figure; got {' and '.join(map(option_name, given))}")
    sizes = {name: builder_arguments(name, BUILDERS[name], given) for name in names}
    gif = {"loop": arguments.loop} | ({} if arguments.fps is None else {"frames_per_second": arguments.fps})
    for path in draw(Path(arguments.out), names, arguments.format, animated, gif, sizes):
        print(f"wrote {path}")
    return 0


def builder_arguments(figure: str, build: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a figure's builder that the options given stand for, as its signature has them.

    Raises ValueError for options that the figure doesn't take.

    >>> from npconv.figures import standard_convolution
    >>> builder_arguments("standard-convolution", standard_convolution, {"input": [5, 6, 2], "stride": [2]})
    {'x': (1, 5, 6, 2), 'kernel': (3, 3, 2, 4), 'stride': (2, 2)}
    """
    defaults = {name: parameter.default for name, parameter in inspect.signature(build).parameters.items()}
    shapes = next(row for row in SHAPES if all(len(defaults.get(name) or ()) == len(row[name]) for name in row))
    direct = {
        option: name for name in defaults if name not in shapes and name.startswith(option := ALIASES.get(name, name))
    }
    letters = "".join(shapes.values()) + "Q" * ("pointwise" in shapes) + "T" * ("expand" in shapes)
    takes = [option for option in ("input", *DIRECT) if option in direct or LETTERS.get(option, " ")[0] in letters]
    strange = [option_name(option) for option in given if option not in takes]
    if strange:
        known = ", ".join(map(option_name, takes)) or "no sizes"
        raise ValueError(f"{figure} takes no {' and no '.join(strange)}; it takes {known}")
    like = {"kernel": (1, 1)} | {option: defaults[direct[option]] for option in direct}
    values = {option: _value(figure, option, value, like.get(option)) for option, value in given.items()}
    own = {direct[option]: value for option, value in values.items() if option in direct}
    return _shapes(shapes, defaults, values) | own if len(own) < len(values) else own


def _value(figure: str, option: str, given: Any, default: Any) -> Any:
    """An option's value as the builder takes it: one number, a pair, or several, as its default is."""
    if isinstance(default, tuple) and len(default) > 2:
        return tuple(given)
    if option in COUNTS and not isinstance(default, tuple):
        if len(given) > 1:
            raise ValueError(f"{option_name(option)} takes one number for {figure}; got {len(given)}")
        return given[0]
    return size_of(option, given)


def _shapes(shapes: Mapping[str, str], defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A builder's shapes, of the sizes that options have and its own."""
    sizes = {letter: size for name in shapes for letter, size in zip(shapes[name], defaults[name], strict=True)}
    sizes["Q"] = sizes["T"] = sizes.get("C", 0) // sizes["M"]
    for option, letters in LETTERS.items():
        value = values.get(option, ())
        sizes |= zip(letters, value if isinstance(value, tuple) else (value,), strict=False)
    sizes["C"] = sizes["M"] * sizes["Q" if "pointwise" in shapes else "T"]
    made: dict[str, Any] = {name: tuple(sizes[letter] for letter in axes) for name, axes in shapes.items()}
    return made | ({"expand": None} if "expand" in shapes and sizes["T"] == 1 else {})


def draw(
    folder: Path,
    names: Sequence[str] | None = None,
    format: str | None = None,
    animated: Sequence[str] = (),
    gif: Mapping[str, Any] = MappingProxyType({}),
    sizes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> list[Path]:
    """Draw figures by their names (all), write them, and return the files' paths.

    Those `animated` are also written as GIFs, with the options `gif`; `sizes` are builders' arguments by figure.
    """
    from ..figures import ANIMATIONS, BUILDERS, gif_bytes, write_figures

    figures, animations = [], {}
    for name in BUILDERS if names is None else names:
        progress_line(f"drawing {name}")
        figures.append(BUILDERS[name](**sizes.get(name, {})))
    for name in animated:
        progress_line(f"animating {name}")
        animations[name] = gif_bytes(ANIMATIONS[name](**sizes.get(name, {})), **gif)
    progress_line("")
    return write_figures(figures, folder, format=format, animations=animations)
