"""Blocks of code that run as a notebook's cells do, in one namespace: output as it comes, value, figures, errors."""

import ast
import base64
import importlib
import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

MOST = 20_000  # characters that a run may print, and that a value or an error may have
MOST_FIGURES = 20
KINDS = {".svg": "svg+xml", ".png": "png", ".gif": "gif"}  # of pictures, by the ends of their files' names
ENDED = (KeyboardInterrupt, "Stopped."), (SystemExit, "The code has ended itself with exit().")

Say = Callable[[str, str], object]


class Cells:
    """The namespace of a page's blocks, which run one after the other.

    `say` is called with "stdout" or "stderr" and each text that is printed there.

    >>> said = []
    >>> cells = Cells(lambda stream, text: said.append(text))
    >>> cells.run("x = 2; print(x)")
    '{"value": null, "error": null, "figures": []}'
    >>> json.loads(cells.run("x + 1"))["value"], "".join(said)
    ('3', '2\\n')
    """

    def __init__(self, say: Say) -> None:
        self.say, self.runs = say, 0
        self.forget()

    def forget(self) -> None:
        """Forget all names of the blocks that have run."""
        self.main = ModuleType("__main__")

    def run(self, code: str, example: str = "") -> str:
        """Run a block: JSON with the last expression's `value` as text, the `error` as text, and `figures`.

        The figures are the value, if it is one, those that pyplot holds, and the files of pictures that were written.
        A block that begins with ">>> " is a session: its expected output is left out, and each value is printed. With
        `example` the block is one of a docstring: it has the names of the module that has that function or class.
        """
        self.runs += 1
        main = ModuleType("__main__") if example else self.main
        value, error, figures = None, None, []
        with self._printing(), _as_main(main):
            try:
                if example:
                    vars(main).update(_names_for(example))
                before = _pictures()
                result = self._run(code, main.__dict__)
                written = [path for path, changed in _pictures().items() if before.get(path) != changed]
                figures = [*_of_value(result), *_of_pyplot(), *map(_of_file, written)][:MOST_FIGURES]
                value = None if result is None or _is_figure(result) else _cut(repr(result))
            except BaseException as raised:
                error = _cut(self._told(raised))
        return json.dumps({"value": value, "error": error, "figures": figures})

    def _run(self, code: str, names: dict[str, Any]) -> Any:
        """The value of the last expression of a block; of a session None, as it prints its values."""
        if not code.lstrip().startswith(">>> "):
            tree, last = ast.parse(code, file := self._file(code)), None
            if tree.body and isinstance(final := tree.body[-1], ast.Expr):
                last = ast.Expression(final.value)
                tree.body.pop()
            exec(compile(tree, file, "exec"), names)
            return last and eval(compile(last, file, "eval"), names)
        import doctest  # here, as it loads a debugger and unittest

        for number, example in enumerate(doctest.DocTestParser().get_examples(code), 1):
            try:
                exec(compile(example.source, self._file(example.source, f".{number}"), "single"), names)
            except Exception as raised:
                if example.exc_msg is None:
                    raise
                print(self._told(raised))
        return None

    def _file(self, code: str, part: str = "") -> str:
        """The name of a block as a file, whose lines tracebacks then show."""
        name = f"<block {self.runs}{part}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        return name

    @contextmanager
    def _printing(self) -> Iterator[None]:
        left = [MOST]
        with redirect_stdout(_Stream(self.say, "stdout", left)), redirect_stderr(_Stream(self.say, "stderr", left)):
            yield

    def _told(self, raised: BaseException) -> str:
        """An error with the lines of blocks that it came through, and none of the code that they call."""
        for kind, words in ENDED:
            if isinstance(raised, kind):
                return words
        told = traceback.TracebackException.from_exception(raised)
        seen: list[traceback.TracebackException | None] = [told]
        for each in seen:
            if each is not None:
                each.stack = traceback.StackSummary.from_list(
                    [f for f in each.stack if f.filename.startswith("<block")]
                )
                seen += [each.__cause__, each.__context__]
        return "".join(told.format()).rstrip()


class _Stream(io.TextIOBase):
    """A stream that says what is written to it, up to the characters that are left."""

    def __init__(self, say: Say, name: str, left: list[int]) -> None:
        self.say, self.name, self.left = say, name, left

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        left = self.left[0]
        if left >= 0 and text:
            self.left[0] -= len(text)
            self.say(self.name, text if len(text) <= left else f"{text[:left]}\n… cut after {MOST:,} characters\n")
        return len(text)


def _names_for(example: str) -> dict[str, Any]:
    """The names that the examples of a docstring are written for, by the full name of what has the docstring."""
    import numpy as np

    import npconv

    module = _innermost(example)
    name = example.removeprefix(f"{module.__name__}.").partition(".")[0]
    own = getattr(getattr(module, name, None), "__module__", module.__name__)
    kernels = {each: getattr(npconv, each) for each in npconv.__all__}
    return {"np": np, "npconv": npconv, **kernels, **vars(importlib.import_module(own)), "__name__": "__main__"}


def _innermost(name: str) -> ModuleType:
    """The innermost module of a full name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):  # a library that is not there
            raise
    return _innermost(name.rpartition(".")[0])


@contextmanager
def _as_main(module: ModuleType) -> Iterator[None]:
    """Let a module be `__main__`, in which dataclasses and pickle look names up."""
    before, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}\n… cut: {len(text):,} characters in all"


def _is_figure(value: Any) -> bool:
    """True for a figure of npconv or matplotlib, neither of which is loaded to know."""
    kinds = [getattr(sys.modules.get(name), "Figure", ()) for name in ("npconv.figures", "matplotlib.figure")]
    return any(isinstance(value, kind) for kind in kinds)


def _of_value(value: Any) -> list[dict[str, str]]:
    """The picture that a block's value is, as a data URL in `source` and its words in `alt`; none for other values."""
    if not _is_figure(value):
        return []
    if hasattr(value, "alt"):
        from ..figures.files import picture_bytes

        return [_picture(picture_bytes(value), f".{value.format}", value.alt)]
    value.savefig(file := io.BytesIO(), format="png", dpi=144, facecolor="white")
    titles = [each.get_title() for each in value.axes]
    named = ", ".join(filter(None, [value.get_suptitle(), *titles]))
    return [_picture(file.getvalue(), ".png", f"The block's figure: {named}" if named else "The block's figure")]


def _picture(content: bytes, kind: str, alt: str) -> dict[str, str]:
    return {"source": f"data:image/{KINDS[kind]};base64,{base64.b64encode(content).decode()}", "alt": alt}


def _of_pyplot() -> list[dict[str, str]]:
    """The figures that pyplot holds, which are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    pictures = [picture for number in pyplot.get_fignums() for picture in _of_value(pyplot.figure(number))]
    pyplot.close("all")
    return pictures


def _pictures() -> dict[Path, int]:
    """The files of pictures in the working folder, and when each was changed."""
    return {path: path.stat().st_mtime_ns for path in sorted(Path().rglob("*")) if path.suffix in KINDS}


def _of_file(path: Path) -> dict[str, str]:
    """A file's picture, with the alt text that npconv's figures have beside them."""
    try:
        alt = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["alt"]
    except (OSError, ValueError, LookupError):
        alt = f"The picture that the block wrote to {path}"
    return _picture(path.read_bytes(), path.suffix, alt)
