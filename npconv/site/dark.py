"""Figures for a dark page: the same SVG with light and dark exchanged, and every hue kept."""

import re
from functools import lru_cache

GROUND = "#131416"  # of furo's dark pages; white becomes it
LIGHT = "#e6e6e6"  # of text; the style's ink becomes it
INK = "#222222"  # npconv.figures.parts.drawing's, which needs matplotlib
LIFT = 0.5  # of lightness, for as much colour: a light yellow would be all but black
_COLOR = re.compile(r"""((?:fill|stroke|stop-color)(?:: ?|="))(#[0-9a-fA-F]{6})""")


def dark_svg(text: str) -> str:
    """An SVG of `npconv figures` for a dark page. Pictures in it stay as they are.

    >>> dark_svg('<svg><path style="fill: #ffffff; stroke: #222222"/></svg>')
    '<svg fill="#e6e6e6"><path style="fill: #131416; stroke: #e6e6e6"/></svg>'
    """
    recoloured = _COLOR.sub(lambda found: found[1] + dark_color(found[2].lower()), text)
    return recoloured.replace("<svg", f'<svg fill="{LIGHT}"', 1)  # what has no colour is black


@lru_cache(1024)
def dark_color(color: str) -> str:
    """The colour of the same hue that stands to a dark ground as this one does to white.

    Lightness is that of Oklab (B. Ottosson, 2020): white's becomes the ground's, the ink's becomes the light text's,
    and what is between them keeps its share of the way; a colour is lighter than a grey.

    >>> dark_color("#ffffff"), dark_color("#222222"), dark_color("#d55e00")
    ('#131416', '#e6e6e6', '#de6615')
    """
    for known, other in (("#ffffff", GROUND), (INK, LIGHT)):
        if color == known:
            return other
    lightness, a, b = _oklab(color)
    (white, *_), (ground, *_), (ink, *_), (light, *_) = map(_oklab, ("#ffffff", GROUND, INK, LIGHT))
    turned = ground + (white - lightness) * (light - ground) / (white - ink) + LIFT * (a * a + b * b) ** 0.5
    share = 1.0
    while not all(0 <= channel <= 1 for channel in _linear(turned, share * a, share * b)) and share > 0:
        share -= 1 / 64  # as colourful as the screen has it
    channels = (min(max(channel, 0), 1) for channel in _linear(turned, share * a, share * b))
    return "#" + "".join(f"{round(255 * _encoded(channel)):02x}" for channel in channels)


def _oklab(color: str) -> tuple[float, float, float]:
    """Lightness, and the two axes of hue: green to red, and blue to yellow."""
    red, green, blue = (_decoded(int(color[place : place + 2], 16) / 255) for place in (1, 3, 5))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Red, green and blue as light adds up, from Oklab; outside of 0 to 1 where no screen has the colour."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _decoded(value: float) -> float:
    """A channel of sRGB as light adds up."""
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: float) -> float:
    """A channel as sRGB has it."""
    return 12.92 * value if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)
