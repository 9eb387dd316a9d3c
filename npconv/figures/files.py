"""Figures as files: a picture, the numbers drawn in it, and one manifest of them all.

The same environment writes the same bytes every time: no date, no program's version, no random identifier.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from xml.sax.saxutils import escape

import matplotlib
import numpy as np

from ..files import alone, parse_json, write_whole
from ..kernels.arguments import as_path, instance, one_of
from .figure import Figure, style

MANIFEST = "manifest.json"
PNG_DPI = 160
FORMATS = ("svg", "png")


def picture_bytes(figure: Figure, format: str | None = None) -> bytes:
    """A figure as the bytes of an SVG or PNG file, its alt text inside; in its own format if None.

    Raises ValueError for another format.

    >>> import npconv.figures
    >>> b'role="img"' in picture_bytes(npconv.figures.BUILDERS["standard-convolution"]())
    True
    """
    format = one_of("picture_bytes", "format", format or figure.format, FORMATS)
    buffer = io.BytesIO()
    with style():
        if format == "png":
            metadata = {"Title": figure.name, "Description": figure.alt, "Software": None}
            figure.figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata=metadata)
            return buffer.getvalue()
        metadata = {"Title": figure.name, "Description": figure.alt, "Creator": "npconv", "Date": None}
        figure.figure.savefig(buffer, format="svg", metadata=metadata)
    svg = buffer.getvalue().decode()
    start = svg.index("<svg ") + len("<svg ")
    svg = f'{svg[:start]}role="img" {svg[start:]}'
    title = f"<title>{escape(figure.name)}</title>"
    if title not in svg:
        raise RuntimeError(f"picture_bytes: matplotlib {matplotlib.__version__} wrote an SVG without a title")
    return svg.replace(title, f"{title}\n <desc>{escape(figure.alt)}</desc>", 1).encode()


def data_text(figure: Figure) -> str:
    """A figure's words and numbers as the text of its JSON file: one line for each.

    Raises ValueError where a number is not finite, TypeError where something is no plain JSON.
    """
    entries = {"name": figure.name, "caption": figure.caption, "alt": figure.alt, **figure.data}
    lines = [f" {json.dumps(key)}: {json.dumps(entries[key], ensure_ascii=False, allow_nan=False)}" for key in entries]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_figures(
    figures: Iterable[Figure],
    folder: str | Path,
    *,
    format: str | None = None,
    animations: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Path]:
    """Write each figure's picture and numbers into a folder, and then the manifest of all that is in it.

    Args:
        figures: the figures that builders returned, each name once.
        folder: created if it is missing. Files already in its manifest stay there, unless they are written again.
        format: "svg" or "png" for all of them; each figure's own if None.
        animations: GIFs from `gif_bytes`, by the name of the figure that they animate.

    Returns:
        The paths of the files written, each whole or not at all: for every figure its picture and its JSON, then the
        animations and the manifest, which is {"versions": {...}, "figures": {name: {file name: sha256}}}.

    Raises:
        ValueError: a name comes twice, a format is unknown, or the folder's manifest is not one of figures.
        OSError: a file cannot be written.

    >>> import tempfile, npconv.figures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_figures([npconv.figures.BUILDERS["standard-convolution"]()], folder)
    >>> [path.name for path in paths]
    ['standard-convolution.svg', 'standard-convolution.json', 'manifest.json']
    """
    folder = as_path("write_figures", "folder", folder)
    instance("write_figures", "figures", figures, Iterable)
    if format is not None:
        one_of("write_figures", "format", format, FORMATS)
    instance("write_figures", "animations", animations, Mapping)
    with alone(folder, ".manifest.lock", wait=True):  # or one of two at once would lose its part of the manifest
        files = _read_manifest(folder / MANIFEST)
        written: list[Path] = []

        def write(name: str, file: str, content: bytes) -> None:
            write_whole(folder / file, content)
            files.setdefault(name, {})[file] = hashlib.sha256(content).hexdigest()
            written.append(folder / file)

        for figure in figures:
            instance("write_figures", "figures", figure, Figure)
            end = format or figure.format
            if folder / f"{figure.name}.json" in written:
                raise ValueError(f"write_figures: the figure {figure.name!r} comes twice")
            picture, data = picture_bytes(figure, end), data_text(figure).encode()
            write(figure.name, f"{figure.name}.{end}", picture)
            write(figure.name, f"{figure.name}.json", data)
        for name, content in animations.items():
            write(name, f"{name}.gif", content)
        manifest = {
            "versions": {"matplotlib": matplotlib.__version__, "numpy": np.__version__},
            "figures": {name: dict(sorted(files[name].items())) for name in sorted(files)},
        }
        write_whole(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        return [*written, folder / MANIFEST]


def _read_manifest(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    try:
        figures: dict[str, dict[str, str]] = dict(parse_json(path.read_text(encoding="utf-8"))["figures"])
        return {name: dict(files) for name, files in figures.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"write_figures: {path} is no manifest of figures; remove it") from error
