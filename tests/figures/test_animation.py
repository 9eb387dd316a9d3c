"""Frames become a GIF: as many, as long, of one size."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from npconv.figures import ANIMATIONS, BUILDERS, Figure, functional_view_frames, gif_bytes, standard_convolution


@pytest.fixture(scope="module")
def frames() -> list[Figure]:
    return functional_view_frames(x=(1, 5, 4, 2), kernel=(2, 3, 2, 3), stride=(2, 1), padding=((1, 0), (0, 0)))


@pytest.fixture(scope="module")
def once(frames: list[Figure]) -> bytes:
    return gif_bytes(frames)


def test_every_frame_is_there_for_its_time(frames: list[Figure]) -> None:
    with Image.open(BytesIO(gif_bytes(frames, frames_per_second=4))) as gif:
        assert gif.n_frames == len(frames) == 3 * 2
        pictures = []
        for number in range(gif.n_frames):
            gif.seek(number)
            assert gif.info["duration"] == 250
            pictures.append(np.asarray(gif.convert("RGB")))
    inches = frames[0].figure.get_size_inches()
    assert pictures[0].shape == (int(inches[1] * 80), int(inches[0] * 80), 3)
    for one, other in pairwise(pictures):
        assert (one != other).any()


def test_it_loops_only_where_asked_and_is_the_same_twice(frames: list[Figure], once: bytes) -> None:
    forever = gif_bytes(frames, loop=True)
    assert once == gif_bytes(frames)
    with Image.open(BytesIO(once)) as gif:
        assert "loop" not in gif.info
    with Image.open(BytesIO(forever)) as gif:
        assert gif.info["loop"] == 0


def test_the_alt_text_is_in_the_file(frames: list[Figure], once: bytes) -> None:
    with Image.open(BytesIO(once)) as gif:
        gif.seek(gif.n_frames - 1)
    assert f"functional-view in 6 steps. The last one: {frames[-1].alt}".encode()[:200] in once


def test_what_is_no_animation_is_refused(frames: list[Figure]) -> None:
    with pytest.raises(ValueError, match=r"gif_bytes: frames must be two or more of one size; got 1 "):
        gif_bytes(frames[:1])
    with pytest.raises(ValueError, match=r"gif_bytes: frames must be two or more of one size; got 2 "):
        gif_bytes([frames[0], standard_convolution()])
    with pytest.raises(ValueError, match="gif_bytes: frames_per_second must be at least 1; got 0"):
        gif_bytes(frames, frames_per_second=0)


def test_animations_have_the_names_of_figures() -> None:
    assert set(ANIMATIONS) <= set(BUILDERS)
    assert {"functional-view", "depthwise-separable"} == set(ANIMATIONS)
