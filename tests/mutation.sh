#!/usr/bin/env bash
# tests/mutation.sh [FOLDER]: mutants of all of npconv/kernels and npconv/cost, each against the tests that reach it, by
# mutmut, in a copy of the commit. Takes about half an hour on two cores; `mutmut results` in the copy lists survivors.
set -euo pipefail
folder=${1:-$(mktemp -d)}
git clone -q "$(cd "$(dirname "$0")/.." && pwd)" "$folder/copy" && cd "$folder/copy"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'mutmut==3.8.1' -e '.[test]'
cat > setup.cfg <<'CONFIG'
[mutmut]
source_paths = npconv
only_mutate =
    npconv/kernels/*.py
    npconv/cost/*.py
pytest_add_cli_args_test_selection =
    tests/kernels
    tests/cost
    tests/golden
    tests/checks
    --deselect=tests/kernels/test_guards.py::test_the_mutant_is_caught
    --deselect=tests/kernels/test_box.py::test_it_enters_every_branch_of_the_kernels
    --deselect=tests/kernels/test_box.py::test_kernels_reach_space_only_through_geometry
    --deselect=tests/kernels/test_contract.py::test_the_second_step_over_stands_on_the_formula
CONFIG
# a failure ends a test at once: hypothesis need not shrink it
cat >> tests/conftest.py <<'PROFILE'

from hypothesis import Phase

settings.register_profile("mutation", settings.get_profile("default"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutation")
PROFILE
# mutmut leaves decorated functions alone: make each property a method that the property calls
perl -0pi -e 's/\@(property|cached_property)\n    def (\w+)\(self\)/$2 = $1(lambda self: self.$2_())\n\n    def $2_(self)/g' \
  npconv/kernels/*.py npconv/cost/*.py
export OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg PATH=$folder/venv/bin:$PATH
mutmut run --max-children 2
mutmut results
