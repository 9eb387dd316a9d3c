#!/bin/sh
# nbclient 0.11.0 with ipykernel 7.4.0 and IPython 9.18.1: a run that stops at the first error passes notebooks in which these
# lines failed: `!command` with an exit status that is not 0, %cd to a folder that is not there, a task of asyncio that
# raises. `exit()` neither stops the run nor fails it: the next cells are run. The cell tag raises-exception permits an
# exception, and a cell with the tag that raises none passes. `%%bash` with the same command fails the run, as do
# sys.exit() and %run of a file that is not there. A test that a notebook runs is no test that its commands did.
#
# Seen (whether the run ended with an error; whether the cell after it ran):
#   !false: passed, next cell ran               %%bash false: failed, next cell did not run
#   %cd nosuch: passed, next cell ran           %run nosuch.py: failed, next cell did not run
#   exit(): passed, next cell ran               sys.exit(): failed, next cell did not run
#   a task: passed, next cell ran               raises-exception, none raised: passed, next cell ran
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

TASK = "import asyncio\nasync def work():\n    raise ValueError\ntask = asyncio.ensure_future(work())"
CELLS = {
    "!false": ("!false", True),
    "%%bash false": ("%%bash\nfalse", False),
    "%cd nosuch": ("%cd nosuch", True),
    "%run nosuch.py": ("%run nosuch.py", False),
    "exit()": ("exit()", True),
    "sys.exit()": ("import sys; sys.exit()", False),
    "a task": (TASK, True),
    "raises-exception, none raised": ("1 + 1", True),
}
for name, (source, due) in CELLS.items():
    tags = ["raises-exception"] if name.startswith("raises") else []
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": tags}), new_code_cell("'next'")])
    try:
        NotebookClient(notebook, kernel_name="python3").execute()
        passed = True
    except CellExecutionError:
        passed = False
    went_on = bool(notebook.cells[1].outputs)
    print(f"{name}: {'passed' if passed else 'failed'}, next cell {'ran' if went_on else 'did not run'}")
    assert passed == went_on == due
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 ipython==9.18.1
cd "$folder"
venv/bin/python show.py 2> log || { cat log; exit 1; }
