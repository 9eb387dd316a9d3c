"""The experiment behind the article's Fig. 7: its networks, their runs, their comparison, and looks into them."""

from .comparisons import COMPARISONS as COMPARISONS
from .comparisons import Comparison as Comparison
from .comparisons import compare as compare
from .comparisons import curves as curves
from .comparisons import student_t as student_t
from .experiment import FULL as FULL
from .experiment import QUICK as QUICK
from .experiment import QUICK_SEEDS as QUICK_SEEDS
from .experiment import SEEDS as SEEDS
from .experiment import STORED as STORED
from .experiment import Count as Count
from .experiment import Settings as Settings
from .experiment import run_fig07 as run_fig07
from .experiment import run_one as run_one
from .experiment import stored_results as stored_results
from .networks import VARIANTS as VARIANTS
from .networks import ExpansionResidual as ExpansionResidual
from .networks import separable_network as separable_network
from .networks import variant_network as variant_network
