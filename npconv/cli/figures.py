"""`npconv figures`: the article's figures, drawn."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .shared import Commands, Folder, Whole, progress_line


def add_parser(commands: Commands) -> None:
    """Add `npconv figures`."""
    figures = commands.add_parser("figures", help="draw the article's figures")
    figures.add_argument("names", nargs="*", metavar="NAME", help="which ones (all)")
    figures.add_argument("--out", type=Folder(), default="figures", metavar="DIR", help="where they go (%(default)s)")
    figures.add_argument("--format", choices=("svg", "png"), help="for all pictures (each figure's own)")
    figures.add_argument("--animate", action="store_true", help="a GIF too of those figures that step")
    figures.add_argument("--fps", type=Whole(1, 50), metavar="N", help="frames a second of the GIFs (1)")
    figures.add_argument("--loop", action="store_true", help="GIFs that begin again at their end")
    figures.add_argument("--list", action="store_true", help="print the names, and draw nothing")
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
    gif = {"loop": arguments.loop} | ({} if arguments.fps is None else {"frames_per_second": arguments.fps})
    for path in draw(Path(arguments.out), names, arguments.format, animated, gif):
        print(f"wrote {path}")
    return 0


def draw(
    folder: Path,
    names: Sequence[str] | None = None,
    format: str | None = None,
    animated: Sequence[str] = (),
    gif: Mapping[str, Any] = MappingProxyType({}),
) -> list[Path]:
    """Draw figures by their names (all), write them with GIFs of those that are animated, and give the files' paths."""
    from ..figures import ANIMATIONS, BUILDERS, gif_bytes, write_figures

    figures, animations = [], {}
    for name in BUILDERS if names is None else names:
        progress_line(f"drawing {name}")
        figures.append(BUILDERS[name]())
    for name in animated:
        progress_line(f"animating {name}")
        animations[name] = gif_bytes(ANIMATIONS[name](), **gif)
    progress_line("")
    return write_figures(figures, folder, format=format, animations=animations)
