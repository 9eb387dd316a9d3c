"""The steppers' pages: those that the commands on a page write, shown on it in frames."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from ..course.steps import KINDS

FOLDER = "steppers"
_COMMANDS = re.compile(r"`(npconv\s+step\s[^`]+)`|^(npconv step .+)$", re.MULTILINE)
_RUN = "import json, sys; from npconv.cli import main; sys.exit(max(map(main, json.load(sys.stdin)), default=0))"


def stepper_of(command: str) -> tuple[str, ...] | None:
    """The words after `npconv step`, without `--out FILE`; None for all that is no such command.

    >>> stepper_of("npconv step resize --size 5 6 --out resize.html")
    ('resize', '--size', '5', '6')
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if words[:2] != ["npconv", "step"] or words[2:3] == [] or words[2] not in KINDS:
        return None
    if "--out" in words:
        place = words.index("--out")
        del words[place : place + 2]
    return tuple(words[2:])


def address_of(stepper: tuple[str, ...]) -> str:
    """The stepper's page, from the root of the site.

    >>> address_of(("resize", "--size", "5", "6"))
    'steppers/resize-size-5-6.html'
    """
    return f"{FOLDER}/{re.sub('[^a-z0-9]+', '-', ' '.join(stepper))}.html"


def write_steppers(pages: Iterable[str], site: Path) -> None:
    """Write the pages of all steppers whose commands are in texts, by these commands.

    Raises ValueError where a command fails.
    """
    found = {stepper for text in pages for pair in _COMMANDS.findall(text) if (stepper := stepper_of("".join(pair)))}
    runs = [["step", *stepper, "--out", str(site / address_of(stepper))] for stepper in sorted(found)]
    # in a process of its own, as the command line is above the site
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(runs), capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise ValueError(f"build_site: the commands of the pages must run; got {done.stderr.strip()}")


def add_frames(docname: str, doctree: Any) -> None:
    """Show each stepper below the first text that has its command; further ones, and those in tables, link to it."""
    from docutils import nodes

    shown = set()
    last: dict[Any, Any] = {}  # the frame below a block, under which its next one goes
    for code in list(doctree.findall(lambda node: isinstance(node, nodes.literal | nodes.literal_block))):
        commands = code.astext().splitlines() if isinstance(code, nodes.literal_block) else [code.astext()]
        for stepper in filter(None, map(stepper_of, commands)):
            above = list(_ancestors(code))
            if stepper not in shown and not any(isinstance(node, nodes.table) for node in above):
                shown.add(stepper)
                block = next(node for node in above if isinstance(node, nodes.paragraph | nodes.literal_block))
                frame = nodes.raw("", _frame(docname, stepper), format="html")
                block.parent.insert(block.parent.index(last.get(block, block)) + 1, frame)
                last[block] = frame
            elif isinstance(code, nodes.literal):
                link = nodes.reference("", "", refuri=f"site:{address_of(stepper)}", internal=True)
                code.replace_self(link)
                link += code


def _ancestors(node: Any) -> Iterator[Any]:
    while node is not None:
        yield node
        node = node.parent


def _frame(docname: str, stepper: tuple[str, ...]) -> str:
    address = "../" * docname.count("/") + address_of(stepper)
    command = escape(shlex.join(["npconv", "step", *stepper]))
    return (
        f'<div class="stepper"><iframe src="{address}" title="The stepper of {command}" loading="lazy"></iframe>'
        f'<p><a href="{address}">Open this stepper alone</a> (<code class="literal">{command}</code>)</p></div>'
    )
