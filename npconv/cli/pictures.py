"""Pictures from files as the arrays that networks take: resized, cropped, scaled."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST = 20  # times its shorter side that a picture's longer one may have
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")  # Pillow's modes
BILINEAR = 2  # Pillow's number for it, which has had several names
LARGER = 256 / 224  # the sides that a picture covers before the middle is cut out, in units of the middle's
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OWN = "own"  # scaling by the mean and the deviation of the picture itself
GREY = (0.299, 0.587, 0.114)  # of red, green and blue
SCALINGS: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {"imagenet": IMAGENET, "minus-one-to-one": (0.5, 0.5), "zero-to-one": (0, 1), "none": (0, 1 / 255)}
)
"""Mean and deviation, of pixels from 0 to 1, of each scaling; "none" leaves pixels from 0 to 255."""


class Picture(NamedTuple):
    """A picture: an image of Pillow in RGB, and in words what has been done for that."""

    image: Any
    notes: list[str]


def read_picture(path: str) -> Picture:
    """The picture of a file, upright as its EXIF data say, in red, green and blue of 8 bits.

    Grey becomes three equal channels, CMYK and palettes become RGB, and transparency is dropped. Raises OSError where
    the file cannot be read, ValueError for one that is no picture, or has 16 bits or floats, or too many pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings(), Path(path).open("rb") as file:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(file)
            image.load()
        except (UnidentifiedImageError, SyntaxError) as error:
            raise ValueError(f"{path} is no picture that Pillow reads") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} has too many pixels: {error}") from error
        except OSError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        raise ValueError(f"{path} must have 8 bits a channel; got Pillow's mode {upright.mode}")
    notes = [f"{upright.width}×{upright.height}"]
    notes += ["turned as its EXIF data say"] if image.getexif().get(0x0112, 1) != 1 else []
    notes += [f"from {upright.mode}"] if upright.mode != "RGB" else []
    notes += ["transparency dropped"] if upright.mode in WITH_ALPHA or "transparency" in upright.info else []
    upright.info.pop("transparency", None)  # of which the conversion of a palette would warn
    if max(upright.size) > LONGEST * min(upright.size):
        raise ValueError(f"{path} must be at most {LONGEST} times as long as wide; got {notes[0]}")
    return Picture(upright.convert("RGB"), notes)


def as_input(image: Any, resolution: tuple[int, int], resize: str, scaling: str) -> NDArray[np.float32]:
    """A batch of one picture, (1, height, width, 3): cut out of its middle or stretched, bilinear, then scaled."""
    height, width = resolution
    if resize == "crop":
        scale = max(height / image.height, width / image.width) * LARGER
        size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
        left, top = ((whole - part) // 2 for whole, part in zip(size, (width, height), strict=True))
        image = image.resize(size, BILINEAR).crop((left, top, left + width, top + height))
    else:
        image = image.resize((width, height), BILINEAR)
    return _scaled(np.asarray(image, np.float32)[np.newaxis] / np.float32(255), scaling)


def as_input_of(image: Any, resolution: tuple[int, int], channels: int, scaling: str) -> NDArray[np.float32]:
    """A batch of one picture, (1, height, width, channels): stretched, bilinear, of one channel in grey, then scaled.

    Besides the words of `SCALINGS` there is "own": minus the picture's mean, divided by its deviation.
    """
    x = as_input(image, resolution, "stretch", "zero-to-one")
    if channels == 1:
        x = x @ np.array(GREY, np.float32).reshape(3, 1)
    if scaling == OWN:
        own: NDArray[np.float32] = (x - x.mean()) / (x.std() or np.float32(1))
        return own
    return _scaled(x, scaling)


def _scaled(x: NDArray[np.float32], scaling: str) -> NDArray[np.float32]:
    """Pixels from 0 to 1 in a scaling of `SCALINGS`."""
    mean, deviation = (np.asarray(each, np.float32) for each in SCALINGS[scaling])
    pixels: NDArray[np.float32] = (x - mean) / deviation
    return pixels
