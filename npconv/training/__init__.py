"""Training: tasks, losses, optimisers, schedules, the loop, and runs on one's own images."""

from .detection import (
    DetectionHistory as DetectionHistory,
    detection_step as detection_step,
    evaluate_detector as evaluate_detector,
    train_detector as train_detector,
)
from .detection_data import read_detection_task as read_detection_task
from .detectors import (
    detector_for as detector_for,
    digits_detector as digits_detector,
    fitted_boxes as fitted_boxes,
)
from .fig07.networks import VARIANTS as VARIANTS, variant_network as variant_network
from .labels import smooth_labels as smooth_labels
from .loop import (
    History as History,
    confusion as confusion,
    evaluate as evaluate,
    train as train,
    training_step as training_step,
)
from .multi_task import (
    MultiTaskHistory as MultiTaskHistory,
    evaluate_multi_task as evaluate_multi_task,
    multi_task_step as multi_task_step,
    train_multi_task as train_multi_task,
)
from .optimizers import (
    SGD as SGD,
    Adam as Adam,
    Optimizer as Optimizer,
    RMSProp as RMSProp,
    decays_kernels as decays_kernels,
)
from .recipes import (
    MaskSettings as MaskSettings,
    RecipeSettings as RecipeSettings,
    TrainedNetwork as TrainedNetwork,
    train_recipe as train_recipe,
)
from .runs import (
    RunSettings as RunSettings,
    Trained as Trained,
    network_for as network_for,
    read_trained as read_trained,
    train_small as train_small,
)
from .schedules import constant as constant, cosine as cosine, exponential as exponential
from .segmentation import (
    SegmentationHistory as SegmentationHistory,
    evaluate_segmenter as evaluate_segmenter,
    segmentation_step as segmentation_step,
    train_segmenter as train_segmenter,
)
from .segmentation_data import (
    read_multi_task as read_multi_task,
    read_segmentation_task as read_segmentation_task,
)
from .segmenters import (
    digits_multi_task as digits_multi_task,
    digits_segmenter as digits_segmenter,
    multi_task_for as multi_task_for,
    segmenter_for as segmenter_for,
)
from .tasks import (
    Task as Task,
    batch_at as batch_at,
    batches as batches,
    digits as digits,
    read_task as read_task,
    scattered_digits as scattered_digits,
    standardized as standardized,
)
from .wild_digits import (
    DetectionTask as DetectionTask,
    SegmentationTask as SegmentationTask,
    digits_in_the_wild as digits_in_the_wild,
)
