"""npconv.detection has the properties that guard it, and every mutant of it is caught by them."""

import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import detection_guards
import pytest
from detection_mutants import MUTANTS

import npconv.detection

FOLDER = Path(npconv.detection.__file__).parent
SOURCES = {
    # what lies below is npconv's own
    file.stem: file.read_text(encoding="utf-8").replace("from ..", "from npconv.")
    for file in FOLDER.glob("*.py")
}
COPY = "mutated_detection"


@cache
def code(module, source):
    return compile(source, f"{module}.py", "exec")


class MutatedDetection(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `mutated_detection`: npconv.detection from sources of which one may have been changed."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != COPY:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == COPY)

    def exec_module(self, module):
        stem = module.__name__.partition(".")[2] or "__init__"
        exec(code(stem, self.sources[stem]), module.__dict__)


@contextmanager
def mutated(sources):
    finder = MutatedDetection(sources)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(COPY)
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == COPY]:
            del sys.modules[name]


@pytest.mark.parametrize("name", detection_guards.GUARDS)
def test_detection_is_right(name):
    detection_guards.GUARDS[name](npconv.detection)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    source = SOURCES[mutant.module]
    assert mutant.old in source, f"{mutant.module}.py no longer has: {mutant.old}"
    with mutated({**SOURCES, mutant.module: source.replace(mutant.old, mutant.new)}) as detection:  # noqa: SIM117
        with pytest.raises(Exception):  # noqa: B017, PT011 - a mutant may also fail by an error of its own
            detection_guards.GUARDS[mutant.guard](detection)


def test_without_a_mistake_nothing_is_caught():
    with mutated(SOURCES) as detection:
        assert detection.iou is not npconv.detection.iou
        for guard in {mutant.guard for mutant in MUTANTS}:
            detection_guards.GUARDS[guard](detection)
