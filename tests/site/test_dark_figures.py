"""Figures for a dark page: hues and contrasts of the light ones, and nothing but colours changed."""

import itertools
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from npconv.figures.parts import drawing
from npconv.site.dark import GROUND, INK, LIGHT, dark_color, dark_svg

FIGURES = sorted((Path(__file__).parents[2] / "figures").glob("*.svg"))
SVGS = {path.stem: path.read_text(encoding="utf-8") for path in FIGURES}
COLOR = re.compile(r'(?:fill|stroke|stop-color)(?:: ?|=")([^;"]+)')
COLORS = sorted({color.lower() for svg in SVGS.values() for color in COLOR.findall(svg)} - {"none"})
PALETTE = sorted({*drawing.ROLES.values(), *drawing.CHANNEL_HUES, *drawing.LINE_COLORS})


def channels(color):
    values = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]


def contrast(one, other):
    """The contrast of WCAG 2.2, from 1 to 21."""
    dark, light = sorted(
        sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), channels(c), strict=True)) for c in (one, other)
    )
    return (light + 0.05) / (dark + 0.05)


def hue(color):
    """Hue in degrees and chroma, in CIE's Lab, which is not the space in which the colours are computed."""
    red, green, blue = channels(color)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    a, b = 500 * (x - y), 200 * (y - z)
    return math.degrees(math.atan2(b, a)), math.hypot(a, b), 116 * y - 16


def test_there_are_figures_and_their_colours_are_hexadecimal():
    assert len(SVGS) > 20
    assert all(re.fullmatch(r"#[0-9a-f]{6}|url\(#\w+\)", color) for color in COLORS)
    assert {"#ffffff", INK} <= set(COLORS)
    assert drawing.INK == INK


@pytest.mark.parametrize("color", [color for color in {*COLORS, *map(str.lower, PALETTE)} if color[0] == "#"])
def test_a_colour_keeps_its_hue_and_its_contrasts(color):
    dark = dark_color(color)
    assert contrast(dark, GROUND) >= 0.9 * contrast(color, "#ffffff")
    (old, chroma, _), (new, kept, _) = hue(color), hue(dark)
    if chroma > 25:
        assert abs((new - old + 180) % 360 - 180) < 25
        assert kept > 8  # very light colours can have little more
    elif chroma < 2:
        assert kept < 4


@pytest.mark.parametrize("color", {*drawing.ROLES.values(), *drawing.CHANNEL_HUES} - {drawing.ROLES["shortcut"]})
def test_numbers_can_be_read_on_the_front_of_each_colour(color):
    front = drawing.shade(color, drawing.FRONT_UNDER_NUMBERS).lower()
    assert contrast(dark_color(front), LIGHT) >= 4.5


def test_the_palette_stays_apart():
    for one, other in itertools.combinations(map(str.lower, PALETTE), 2):
        places = []
        for color in (one, other, dark_color(one), dark_color(other)):
            angle, chroma, lightness = hue(color)
            places.append((lightness, chroma * math.cos(math.radians(angle)), chroma * math.sin(math.radians(angle))))
        before, after = math.dist(*places[:2]), math.dist(*places[2:])
        assert after > min(25, 0.5 * before), (one, other)


@pytest.mark.parametrize("name", SVGS)
def test_nothing_but_colours_is_changed(name):
    svg, dark = SVGS[name], dark_svg(SVGS[name])
    ElementTree.fromstring(dark)
    assert f'<svg fill="{LIGHT}"' in dark
    assert COLOR.sub("", dark.replace(f' fill="{LIGHT}"', "", 1)) == COLOR.sub("", svg)
    used = set(COLOR.findall(dark))
    assert GROUND in used
    assert not used & {"#ffffff", INK}
    assert dark == dark_svg(svg)


def test_a_picture_in_an_svg_stays_as_it_is():
    picture = '<image href="data:image/png;base64,iVBORw0KGgo="/><use href="#ffffff"/>'
    drawn = '<path fill="#FFFFFF" style="stroke:#222222; fill: url(#ffffff)"/>'
    assert dark_svg(f"<svg>{picture}{drawn}</svg>") == (
        f'<svg fill="{LIGHT}">{picture}<path fill="{GROUND}" style="stroke:{LIGHT}; fill: url(#ffffff)"/></svg>'
    )
