"""The built pages of a site, as the tests read them."""

import re
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"object": "data"} | dict.fromkeys(("script", "img", "iframe", "source", "video", "embed"), "src")
ICONS = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "shortcut"}


@dataclass
class Page:
    """What the tests ask of a page: its anchors, its links, what it loads, its tags, and its text."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.skipped = Page(), 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.page.tags.append((tag, given))
        self.page.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]):
            self.page.loaded.append(given[LOADED[tag]])
        if tag == "link" and ICONS & set(given.get("rel", "").split()):
            self.page.loaded.append(given["href"])
        self.skipped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.page.text += data


@cache
def page(path: Path) -> Page:
    """A page of a site that does not change."""
    before, source, lines = path.read_text(encoding="utf-8").partition('<div class="highlight-source')
    code, _, after = lines.partition("</pre>")  # whose lines have no links but to themselves
    reader = _Reader()
    reader.feed(before + source + after)
    reader.page.anchors |= set(re.findall(r'id="(L\d+)"', code))
    reader.page.text += unescape(re.sub("<.*?>", "", code))
    return reader.page


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def target(here: Path, address: str) -> tuple[Path, str] | None:
    """The file and the anchor that an address on a page leads to; None where it leads elsewhere."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    return (here.parent / unquote(parts.path)).resolve() if parts.path else here, unquote(parts.fragment)
