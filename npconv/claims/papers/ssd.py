"""The claims of SSD's paper (arXiv 1512.02325) about its matching and its loss."""

import numpy as np

from ...detection import iou, match_boxes, ssd_loss, ssd_loss_backward, ssd_loss_stages
from ...training import digits_detector, digits_in_the_wild
from ..table import Finding, claim, finding

TRAINING = "Training"


@claim(
    TRAINING,
    "holds if no two objects have the same best default box, or the matching is one to one",
    "detection.match_boxes detection.iou training.digits_in_the_wild",
    "matching",
)
def ssd_each_object_has_a_default_box() -> Finding:
    """Each object is matched to the default box with the best overlap, and default boxes to objects they overlap."""
    boxes = np.array([[0.0, 0, 10, 10], [0, 6, 10, 16]])
    objects = np.array([[0.0, 0, 10, 9], [0, 1, 10, 10]])
    overlaps = iou(objects, boxes)
    plain, single = match_boxes(overlaps), match_boxes(overlaps, one_to_one=True)
    task, anchors = digits_in_the_wild(train=1, test=200), digits_detector().anchors((64, 64))
    found = [match_boxes(iou(truths, anchors), threshold=1) for truths in task.boxes_test]
    missed = sum(len(truths) - len(set(each) - {-1}) for truths, each in zip(task.boxes_test, found, strict=True))
    return finding(
        set(plain) == {1, -1} and set(single) == {0, 1} and missed == 0,
        f"two objects that overlap the first of two boxes by {overlaps[0, 0]:.2f} and {overlaps[1, 0]:.2f}, the other "
        f"by {overlaps[0, 1]:.2f} and {overlaps[1, 1]:.2f}: matched {plain.tolist()}, one to one {single.tolist()}",
        f"of {sum(map(len, task.boxes_test))} digits in 200 images {missed} lose their best box to another",
        overlaps=overlaps,
    )


@claim(
    TRAINING,
    "holds if positives that are chosen a second time don't count as negatives, or are not chosen",
    "detection.ssd_loss_stages",
)
def ssd_three_negatives_to_a_positive() -> Finding:
    """The negatives of highest loss are chosen, at most 3 to 1 positive."""
    rng, lines, holds = np.random.default_rng(0), [], True
    for positives in (1, 3):
        labels = np.zeros((1, 8), np.int64)
        labels[0, :positives] = 1
        logits, codes = rng.standard_normal((1, 8, 3)), np.zeros((1, 8, 4))
        for repeat in (True, False):
            stages = ssd_loss_stages(logits, codes, labels, codes, repeat_positives=repeat)
            negatives = stages.chosen & ~stages.positives
            again = int((stages.chosen & stages.positives).sum())
            rest = stages.losses[~stages.positives & ~negatives]
            hardest = rest.size == 0 or rest.max() <= stages.losses[negatives].min()
            holds &= hardest and negatives.sum() == min(3 * positives, 8 - positives)
            holds &= again == repeat * (min(3 * positives, 8) - negatives.sum())
            lines.append(
                f"{positives} of 8 boxes positive: {negatives.sum()} negatives of highest loss, "
                f"{again} positives counted twice" + ("" if repeat else " without repeat_positives")
            )
    return finding(bool(holds), *lines, losses=stages.losses)


@claim(
    TRAINING,
    "holds if no negatives are chosen then; with least_negatives=3 the background is learnt",
    "detection.ssd_loss detection.ssd_loss_backward",
)
def ssd_no_object_no_loss() -> Finding:
    """Where no default box is matched the loss is 0."""
    logits, codes = np.random.default_rng(0).standard_normal((1, 8, 3)), np.zeros((1, 8, 4))
    labels = np.zeros((1, 8), np.int64)
    losses, moved = [], []
    for least in (0, 3):
        losses.append(float(ssd_loss(logits, codes, labels, codes, least_negatives=least)))
        dlogits, _ = ssd_loss_backward(1.0, logits, codes, labels, codes, least_negatives=least)
        moved.append(int(dlogits.any(axis=-1).sum()))
    return finding(
        losses[0] == 0 and losses[1] > 0 and moved == [0, 3],
        f"an image without objects: a loss of {losses[0]:g} and no gradient; with least_negatives=3 {losses[1]:.2f}, "
        f"and a gradient at {moved[1]} of 8 boxes",
    )
