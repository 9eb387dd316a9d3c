"""The exercises: functions to write, by name, in the order of the lessons."""

from .blocks import INVERTED_RESIDUAL
from .bugs import FIND_THE_BUG
from .costs import COSTS
from .depthwise import DEPTHWISE, POINTWISE
from .elementwise import ACTIVATIONS, BATCH_NORM
from .exercise import Case, Exercise, Mistake, Size, Task
from .separable import FACTORIZE, SEPARABLE
from .standard import GRADIENTS, LOOPS, TAPS
from .variants import Variant, variant_from

__all__ = ["EXERCISES", "Case", "Exercise", "Mistake", "Size", "Task", "Variant", "variant_from"]

EXERCISES = {
    exercise.name: exercise
    for exercise in (
        LOOPS, TAPS, GRADIENTS, DEPTHWISE, POINTWISE, SEPARABLE, COSTS, ACTIVATIONS, BATCH_NORM, INVERTED_RESIDUAL,
        FACTORIZE, FIND_THE_BUG,
    )
}  # fmt: skip
