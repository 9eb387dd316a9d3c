"""Loading: the kernels and NumPy come when they are needed, and the command line prepares NumPy before."""

import inspect
import pickle
import pydoc

import numpy as np
import pytest
from test_threads import run

import npconv
from npconv import kernels


@pytest.mark.parametrize("module", ["npconv", "npconv.cli"])
def test_importing_loads_no_numpy(module):
    assert run(f"import sys, {module}; print('numpy' in sys.modules)") == "False"


HEAR_NUMPY = """
import os, sys
heard = []
def hear(event, arguments):
    if event == "import" and arguments[0] == "numpy" and not heard:
        heard.append(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
sys.addaudithook(hear)
"""
STARTS = {
    "main": "from npconv.cli import main\nmain(['step', '--help'])\nfrom npconv import relu",
    "module": "import runpy\nsys.argv = ['npconv', 'step', '--help']\n"
    "try:\n    runpy.run_module('npconv', run_name='__main__')\nexcept SystemExit: pass\nfrom npconv import relu",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("own", [None, "7"])
def test_the_command_line_ends_openblas_spinning_before_numpy_is_loaded(start, own):
    environment = {} if own is None else {"OPENBLAS_THREAD_TIMEOUT": own}
    printed = run(f"{HEAR_NUMPY}\n{start}\nprint(heard)", **environment).splitlines()
    assert printed[-1] == f"['{own or 16}']"


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_the_command_line_changes_nothing_where_numpy_is_loaded(start):
    code = f"import os, sys, numpy\nbefore = dict(os.environ)\n{start}\nprint(dict(os.environ) == before)"
    assert run(code).splitlines()[-1] == "True"


def test_a_name_is_there_however_it_is_asked_for():
    for code in (
        "import npconv; print(npconv.relu6.__name__)",
        "from npconv import relu6; print(relu6.__name__)",
        "from npconv import *; print(relu6.__name__)",
        "import npconv; print(vars(npconv.kernels)['relu6'].__name__)",
        "import npconv; print([name for name in dir(npconv) if name == 'relu6'][0])",
        "import npconv; print([name for name in npconv.__all__ if name == 'relu6'][0])",
    ):
        assert run(code) == "relu6"


def test_all_kernels_and_nothing_else_are_public():
    everything = {}
    exec("from npconv import *", everything)
    everything.pop("__builtins__")
    assert sorted(everything) == npconv.__all__ == kernels.PUBLIC
    assert all(value is getattr(kernels, name) for name, value in everything.items())
    assert {*kernels.PUBLIC, "__version__", "__all__"} <= set(dir(npconv))


@pytest.mark.parametrize("name", ["relu7", "__wrapped__", "_relu6"])
def test_a_name_that_is_not_there_is_refused(name):
    with pytest.raises(AttributeError, match=f"module 'npconv' has no attribute '{name}'") as raised:
        getattr(npconv, name)
    assert (raised.value.name, raised.value.obj) == (name, npconv)  # Python suggests a name like it
    with pytest.raises(ImportError, match=f"cannot import name '{name}' from 'npconv'"):
        exec(f"from npconv import {name}")
    assert not hasattr(npconv, name)


def test_what_a_user_puts_in_a_names_place_stays_there(monkeypatch):
    monkeypatch.setattr(npconv, "relu6", len)
    assert not hasattr(npconv, "relu7")
    assert npconv.relu6 is len
    assert run("import npconv; npconv.relu6 = len; npconv.relu; print(npconv.relu6 is len)") == "True"


def test_kernels_are_pickled_and_documented():
    for name in npconv.__all__:
        kernel = getattr(npconv, name)
        assert pickle.loads(pickle.dumps(kernel)) is kernel
    page = pydoc.plain(pydoc.render_doc(npconv))
    assert all(name in page for name in npconv.__all__)
    assert run("import pydoc; print(len(pydoc.render_doc('npconv')) > 5000)") == "True"
    assert inspect.getdoc(npconv.relu6).startswith("min(max(x, 0), 6)")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(npconv.relu6))(np.array([9.0])), [6.0])
