#!/bin/sh
# MyST-Parser 5.2.0 with Sphinx 9.0.4: a Markdown link to a line of a file in the repository, [code](kernel.py#L3), becomes a
# download of a copy of the file. The line is lost without a warning, also with -W, even where the file has no such line;
# and the copy is what the reader gets to see, not the repository's page. A link to a heading that is not on a page is warned
# of, and one to a file that is not there. On a code host all of these links lead to the line.
#
# Seen:
#   [code](kernel.py#L3): href="_downloads/…/kernel.py", download; no warning
#   [code](kernel.py#L999): href="_downloads/…/kernel.py", download; no warning
#   [page](other.md#nowhere): a warning
#   [code](nosuch.py#L3): a warning
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import re
import subprocess
import sys
from pathlib import Path

LINKS = {"kernel.py#L3": False, "kernel.py#L999": False, "other.md#nowhere": True, "nosuch.py#L3": True}
for number, (target, due) in enumerate(LINKS.items()):
    source = Path(f"source{number}")
    source.mkdir()
    (source / "conf.py").write_text('extensions = ["myst_parser"]\nmyst_heading_anchors = 2\n')
    (source / "kernel.py").write_text("a = 1\nb = 2\nc = 3\n")
    (source / "other.md").write_text("---\norphan: true\n---\n\n# Other\n")
    (source / "index.md").write_text(f"# Top\n\n[it]({target})\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", source, f"site{number}"]
    warned = subprocess.run(command, capture_output=True).returncode != 0
    assert warned == due
    found = ""
    if not warned:
        page = Path(f"site{number}", "index.html").read_text()
        [link] = re.findall('<a class="reference download internal" download="" href="_downloads/[^"]*"', page)
        assert link.endswith('/kernel.py"') and "L3" not in page
        found = "a download of kernel.py; "
    print(f"[it]({target}): {found}{'a warning' if warned else 'no warning'}")
PY
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q sphinx==9.0.4 myst-parser==5.2.0
venv/bin/python show.py
