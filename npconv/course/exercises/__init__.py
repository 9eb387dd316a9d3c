"""The exercises: functions to write, by name, in the order of the lessons."""

from .average_precision import AVERAGE_PRECISION
from .blocks import INVERTED_RESIDUAL
from .boxes import BOX_CODER, IOU, SUPPRESSION
from .bugs import FIND_THE_BUG
from .costs import COSTS
from .depthwise import DEPTHWISE, POINTWISE
from .detection_loss import DETECTION_LOSS
from .elementwise import ACTIVATIONS, BATCH_NORM
from .exercise import Case, Exercise, Mistake, Size, Task
from .hard_swish import HARD_SWISH
from .resize import RESIZE_BACKWARD
from .segmentation import PIXEL_CROSS_ENTROPY, SEGMENTATION_MEASURES
from .separable import FACTORIZE, SEPARABLE
from .shuffle import SHUFFLE
from .spatial import SPATIALLY_SEPARABLE
from .squeeze import SQUEEZE_EXCITE
from .standard import GRADIENTS, LOOPS, TAPS
from .transposed import TRANSPOSED
from .variants import Variant, variant_from

__all__ = ["EXERCISES", "Case", "Exercise", "Mistake", "Size", "Task", "Variant", "variant_from"]

EXERCISES = {
    exercise.name: exercise
    for exercise in (
        LOOPS, TAPS, GRADIENTS, DEPTHWISE, POINTWISE, SEPARABLE, COSTS, ACTIVATIONS, BATCH_NORM, INVERTED_RESIDUAL,
        FACTORIZE, HARD_SWISH, SQUEEZE_EXCITE, TRANSPOSED, SPATIALLY_SEPARABLE, SHUFFLE, IOU, BOX_CODER, DETECTION_LOSS,
        SUPPRESSION, AVERAGE_PRECISION, RESIZE_BACKWARD, SEGMENTATION_MEASURES, PIXEL_CROSS_ENTROPY,
        FIND_THE_BUG,
    )
}  # fmt: skip
