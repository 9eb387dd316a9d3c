"""Write what each block of the lessons prints below it, after code was changed: `python tests/write_outputs.py`.

A block with a blank to fill in has no output in the page.
"""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

LESSONS = Path(__file__).parents[1] / "docs" / "lessons"
BLANK = re.compile(r"(?:= |return )\(?\.\.\.")
BLOCK = re.compile(
    r"```python\n(?P<code>.*?)```"
    r"(?:\n\n```text\n(?P<shown>.*?)```)?"
    r"(?P<answered>\n\n<details>\n<summary>Answer</summary>\n(?:(?!</details>).)*?```python\n(?P<answer>.*?)```)?",
    re.DOTALL,
)


def printed_by(code: str, namespace: dict[str, Any]) -> str:
    """The text that a block prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        exec(compile(code, "block", "exec"), namespace)
    return text.getvalue()


def written(page: str) -> str:
    """A page whose blocks run in order, in one namespace, with their outputs; answers to blanks do not run."""
    namespace: dict[str, Any] = {}

    def with_output(block: re.Match[str]) -> str:
        output = printed_by(block["code"], namespace)
        shown = f"\n\n```text\n{output}```" if output and not BLANK.search(block["code"]) else ""
        return f"```python\n{block['code']}```{shown}{block['answered'] or ''}"

    return BLOCK.sub(with_output, page)


if __name__ == "__main__":
    for path in sorted(LESSONS.glob("*.md")):
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
