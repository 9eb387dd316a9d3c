"""The experiment behind figure 7 of the article: its networks, their runs, their comparison, and looks into them."""

from .comparisons import (
    COMPARISONS as COMPARISONS,
    Comparison as Comparison,
    compare as compare,
    curves as curves,
    student_t as student_t,
)
from .experiment import (
    FULL as FULL,
    QUICK as QUICK,
    QUICK_SEEDS as QUICK_SEEDS,
    SEEDS as SEEDS,
    STORED as STORED,
    Count as Count,
    Settings as Settings,
    run_fig07 as run_fig07,
    run_one as run_one,
    stored_results as stored_results,
)
from .networks import (
    VARIANTS as VARIANTS,
    ExpansionResidual as ExpansionResidual,
    separable_network as separable_network,
    variant_network as variant_network,
)
