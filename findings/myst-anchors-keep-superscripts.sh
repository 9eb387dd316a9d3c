#!/bin/sh
# MyST-Parser 5.2.0: the anchors of headings in the preset "github", which is the default, are others than GitHub's (as
# github-slugger 2.0.0 gives them). Superscripts, fractions, and digits that are subscripts or in circles stay, where GitHub
# drops them: Python's \w takes all that is numeric, GitHub's words have decimal digits alone. Combining marks are dropped,
# where GitHub keeps them: a tilde over x, and the vowel signs of Hindi, without which हिन्दी becomes हनद. A link that works
# on the repository's page has no target on the site, and the other way round.
#
# Seen (heading: MyST's anchor; GitHub's):
#   D² taps: d²-taps; d-taps
#   ½ off: ½-off; -off
#   x₂ ①: x₂-①; x-
#   x̃ padded: x-padded; x̃-padded
#   हिन्दी पाठ: हनद-पठ; हिन्दी-पाठ
#   links to GitHub's anchors without a target: 5 of 10
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import json
import re
import subprocess
import sys
from pathlib import Path

OTHER = {"D² taps": "d²-taps", "½ off": "½-off", "x₂ ①": "x₂-①", "x\u0303 padded": "x-padded", "हिन्दी पाठ": "हनद-पठ"}
SAME = ["3×3 → 1×1", "conv_2d(x) & more", "Émile's day_off", "日本語 見出し", "Dᵣ"]
headings = [*OTHER, *SAME]
node = f"const s = new GithubSlugger(); console.log(JSON.stringify({json.dumps(headings)}.map(h => s.slug(h))))"
node = ["node", "--input-type=module", "-e", f"import GithubSlugger from 'github-slugger'; {node}"]
due = dict(zip(headings, json.loads(subprocess.run(node, capture_output=True, check=True).stdout)))
Path("source").mkdir()
Path("source/conf.py").write_text(
    'extensions = ["myst_parser"]\nmyst_heading_anchors = 2\nmyst_heading_slug_func = "github"\n', encoding="utf-8"
)
text = "# Top\n\n" + "".join(f"[link](<#{due[heading]}>)\n\n## {heading}\n\n" for heading in headings)
Path("source/index.md").write_text(text, encoding="utf-8")
built = subprocess.run(
    [sys.executable, "-m", "sphinx", "-q", "-b", "html", "source", "site"], capture_output=True, check=True
)
warned = re.findall("target not found: '(.*?)'", built.stderr.decode())
page = Path("site/index.html").read_text(encoding="utf-8")
for heading, anchor in OTHER.items():
    print(f"{heading}: {anchor}; {due[heading]}")
    assert f'id="{anchor}"' in page and f'id="{due[heading]}"' not in page
assert warned == [due[heading] for heading in OTHER]
print("links to GitHub's anchors without a target:", len(warned), "of", len(headings))
PY
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q sphinx==9.0.4 myst-parser==5.2.0
npm install --silent github-slugger@2.0.0
PYTHONUTF8=1 venv/bin/python show.py
