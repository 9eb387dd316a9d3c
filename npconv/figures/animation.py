"""Figures one after another as a GIF, through matplotlib's Pillow writer."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from matplotlib.animation import PillowWriter

from ..kernels.arguments import boolean, integer, shown
from .figure import Figure, style

GIF_DPI = 80
FRAMES_PER_SECOND = 1
FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"  # the block of a GIF that makes it loop


def gif_bytes(frames: Sequence[Figure], *, frames_per_second: int = FRAMES_PER_SECOND, loop: bool = False) -> bytes:
    """Figures of one size as the bytes of a GIF, each shown for the same time, the alt text of the last one inside.

    Args:
        frames: two or more figures, from a builder of frames.
        frames_per_second: 1 to 50, the range that viewers support.
        loop: whether the file asks to be played over and over; if not, it stays at its last frame, and the viewer may
            play it again.

    Raises:
        ValueError: fewer than two frames, frames of several sizes, or another speed.

    >>> import npconv.figures
    >>> frames = npconv.figures.ANIMATIONS["functional-view"](x=(1, 3, 4, 1), kernel=(3, 3, 1, 1))
    >>> gif_bytes(frames)[:6], len(frames)
    (b'GIF89a', 2)
    """
    frames_per_second = integer("gif_bytes", "frames_per_second", frames_per_second, 1, 50)
    boolean("gif_bytes", "loop", loop)
    if not isinstance(frames, tuple | list) or not all(isinstance(frame, Figure) for frame in frames):
        raise TypeError(f"gif_bytes: frames must be Figures in a tuple or a list; got {shown(frames)}")
    sizes = {tuple(frame.figure.get_size_inches().round(6).tolist()) for frame in frames}
    if len(frames) < 2 or len(sizes) != 1:
        raise ValueError(f"gif_bytes: frames must be two or more of one size; got {len(frames)} of sizes {sizes}")
    writer = PillowWriter(fps=frames_per_second)
    with tempfile.TemporaryDirectory() as folder, style():
        path = Path(folder, "animation.gif")
        with writer.saving(frames[0].figure, str(path), dpi=GIF_DPI):
            for frame in frames:
                writer.fig = frame.figure
                writer.grab_frame()
        content = path.read_bytes()
    comment = f"{frames[0].name} in {len(frames)} steps. The last one: {frames[-1].alt}".encode()
    blocks = [comment[start : start + 255] for start in range(0, len(comment), 255)]
    words = b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"
    if not loop:
        content = content.replace(FOREVER, b"", 1)
    return content[:-1] + words + content[-1:]  # the last byte ends the file
