"""Mistakes planted in npconv.detection, one at a time."""

# ruff: noqa: E501 (a table)

from typing import NamedTuple


class Mutant(NamedTuple):
    """In `module`, each `old` becomes `new`; the guard must notice."""

    says: str
    module: str
    old: str
    new: str
    guard: str


MUTANTS = [
    # boxes
    Mutant("height and width exchanged in the overlap", "boxes", "np.minimum(right, b[:, 3])", "np.minimum(right, b[:, 2])", "iou"),
    Mutant("disjoint boxes overlap", "boxes", "np.maximum(heights, 0) * np.maximum(widths, 0)", "heights * widths", "iou"),
    Mutant("the union without the overlap taken off", "boxes", " - intersection\n", "\n", "iou"),
    Mutant("boxes that reach to their last pixel", "boxes", "np.minimum(bottom, b[:, 2]) - np.maximum(top, b[:, 0])", "np.minimum(bottom, b[:, 2]) - np.maximum(top, b[:, 0]) + 1", "iou"),
    Mutant("0 / 0 for boxes without area", "boxes", "out=np.zeros_like(union), where=union > 0", "out=np.ones_like(union), where=union > 0", "iou"),
    Mutant("clipped at the other side's size", "boxes", "np.array([height, width] * 2)", "np.array([width, height] * 2)", "clipping"),
    Mutant("not clipped at 0", "boxes", "np.clip(boxes, 0, np", "np.clip(boxes, -5, np", "clipping"),
    Mutant("codes without scales", "boxes", "codes *= np.array(scales, codes.dtype)", "", "codes"),
    Mutant("decoded without scales", "boxes", "codes / np.array(scales, codes.dtype)", "codes * 1.0", "codes"),
    Mutant("steps in units of the box", "boxes", "(centres - anchor_centres) / anchor_sides", "(centres - anchor_centres) / sides", "codes"),
    Mutant("corners for centres", "boxes", "return (near + far) / 2, far - near", "return near, far - near", "codes"),
    Mutant("no logarithm", "boxes", "np.log(sides / anchor_sides)", "sides / anchor_sides - 1", "codes"),
    Mutant("bound before the division by the scales", "boxes", "steps = codes / np.array(scales, codes.dtype)", "steps = np.minimum(codes, largest) / np.array(scales, codes.dtype)", "codes"),
    Mutant("no bound", "boxes", "np.minimum(steps[..., 2:], largest)", "steps[..., 2:]", "codes"),
    # default boxes
    Mutant("ratio of height over width", "anchors", "(s / math.sqrt(r), s * math.sqrt(r))", "(s * math.sqrt(r), s / math.sqrt(r))", "TensorFlow's boxes"),
    Mutant("a third for .3333", "anchors", "0.3333)", "1 / 3)", "TensorFlow's boxes"),
    Mutant("six boxes in the first map", "anchors", "    if three_in_first:\n", "    if False:\n", "TensorFlow's boxes"),
    Mutant("TensorFlow's sizes of each side", "anchors", 'tuple(cells), "shorter")', 'tuple(cells), "each")', "TensorFlow's boxes"),
    Mutant("sizes of the longer side", "anchors", "image.min()", "image.max()", "own boxes"),
    Mutant("the box between first in a cell", "anchors", "(*((scale, ratio) for ratio in checked), (math.sqrt(scale * following), 1.0))", "((math.sqrt(scale * following), 1.0), *((scale, ratio) for ratio in checked))", "TensorFlow's boxes"),
    Mutant("the arithmetic mean of two scales", "anchors", "(math.sqrt(scale * following), 1.0), *", "((scale + following) / 2, 1.0), *", "torchvision's boxes"),
    Mutant("the last scale not 1", "anchors", "for number in range(maps)), 1.0]", "for number in range(maps + 1))]", "TensorFlow's boxes"),
    Mutant("high boxes before wide ones", "anchors", "for each in (ratio, 1 / ratio)", "for each in (1 / ratio, ratio)", "torchvision's boxes"),
    Mutant("sizes not clipped", "anchors", "if specification.clip_sizes:", "if False:", "torchvision's boxes"),
    Mutant("torchvision's sizes not clipped", "anchors", ', "each", clip_sizes=True)', ', "each", clip_sizes=False)', "torchvision's boxes"),
    Mutant("torchvision's sizes of the shorter side", "anchors", ', "each", clip_sizes=True)', ', "shorter", clip_sizes=True)', "torchvision's boxes"),
    Mutant("centres at the cells' corners", "anchors", "np.arange(0.5, rows)", "np.arange(0.0, rows)", "TensorFlow's boxes"),
    Mutant("rows and columns exchanged", "anchors", "(rows, columns), cell in", "(columns, rows), cell in", "own boxes"),
    # matching
    Mutant("an overlap at the threshold doesn't count", "matching", ">= threshold, best", "> threshold, best", "matching"),
    Mutant("no anchor for a truth below the threshold", "matching", "matched[overlaps.argmax(axis=1)] = np.arange(truths, dtype=np.int64)", "pass", "matching"),
    Mutant("the first truth wins", "matching", "matched[overlaps.argmax(axis=1)] = np.arange(truths, dtype=np.int64)", "matched[overlaps.argmax(axis=1)[::-1]] = np.arange(truths, dtype=np.int64)[::-1]", "matching"),
    Mutant("of equal truths the last", "matching", "best = overlaps.argmax(axis=0)", "best = truths - 1 - overlaps[::-1].argmax(axis=0)", "matching"),
    Mutant("of equal anchors the last", "matching", "matched[overlaps.argmax(axis=1)]", "matched[anchors - 1 - overlaps[:, ::-1].argmax(axis=1)]", "matching"),
    Mutant("one to one ignored", "matching", "    if one_to_one:\n        for", "    if False:\n        for", "matching"),
    Mutant("an anchor for two truths", "matching", "free[truth], free[:, anchor] = -np.inf, -np.inf", "free[truth] = -np.inf", "matching"),
    Mutant("two anchors for one truth", "matching", "free[truth], free[:, anchor] = -np.inf, -np.inf", "free[:, anchor] = -np.inf", "matching"),
    Mutant("labels less by one", "matching", "= their_labels[matched[positive]]", "= their_labels[matched[positive]] - np.uint8(1)", "targets"),
    Mutant("codes of the first truths", "matching", "wide(truths)[matched[positive]]", "wide(truths)[: len(positive)]", "targets"),
    Mutant("targets without the given scales", "matching", "exact[positive], factors)", "exact[positive], (10, 10, 5, 5))", "targets"),
    # the loss
    Mutant("divided by each image's positives", "loss", "max(1, np.count_nonzero(positives)), native", "max(1, np.count_nonzero(positives[0])), native", "torchvision's loss"),
    Mutant("divided by the anchors", "loss", "count, dtype = max(1, np.count_nonzero(positives))", "count, dtype = positives.size", "loss"),
    Mutant("0 / 0 without an object", "loss", "count, dtype = max(1, np.count_nonzero(positives))", "count, dtype = np.count_nonzero(positives)", "quirks"),
    Mutant("the easiest negatives", "loss", "np.argsort(-hardness", "np.argsort(hardness", "torchvision's loss"),
    Mutant("negatives of the whole batch", "loss", "np.count_nonzero(positives, axis=1, keepdims=True), least)", "np.count_nonzero(positives), least)", "torchvision's loss"),
    Mutant("negatives beside the least ones", "loss", "np.maximum(negatives * ", "np.add(negatives * ", "loss"),
    Mutant("positives always once", "loss", "chosen if repeat else chosen & ~positives", "chosen & ~positives", "quirks"),
    Mutant("positives always repeated", "loss", "chosen if repeat else chosen & ~positives", "chosen", "quirks"),
    Mutant("the last of equal losses", "loss", 'np.argsort(-hardness, axis=1, kind="stable")', 'np.argsort(hardness, axis=1, kind="stable")[:, ::-1]', "loss"),
    Mutant("positives without a loss of their class", "loss", "losses[positives].sum(dtype=wide) + ", "", "loss"),
    Mutant("the box's loss of every anchor", "loss", "smooth_l1(wider(codes[positives]) - wider(targets[positives]))", "smooth_l1(codes - targets)", "loss"),
    Mutant("smooth L1 without its half", "loss", "square * (size - square / 2)", "square * size", "smooth L1"),
    Mutant("smooth L1's slope not cut", "loss", "np.clip(difference, -1, 1)", "difference", "smooth L1"),
    Mutant("smooth L1's slope without its sign", "loss", "np.clip(difference, -1, 1)", "np.clip(np.abs(difference), -1, 1)", "gradients"),
    Mutant("the labels not taken from the shares", "loss", "rows[np.arange(len(rows)), labels[counted]] -= 1", "pass", "gradients"),
    Mutant("a repeated positive goes back once", "loss", "rows * (times[counted] * share)[:, None]", "rows * share", "gradients"),
    Mutant("all anchors go back", "loss", "counted = times > 0", "counted = times >= 0; times = np.maximum(times, 1)", "gradients"),
    Mutant("dy forgotten", "loss", "share = dy / max", "share = 1 / max", "smooth L1"),
    # suppression
    Mutant("suppressed at the threshold", "suppression", "<= threshold", "< threshold", "suppression"),
    Mutant("a suppressed box suppresses", "suppression", "if alive[start + row]:", "if True:", "suppression"),
    Mutant("only the neighbour is suppressed", "suppression", "alive[start + row + 1 :] &= passed[row, row + 1 :]", "alive[start + row + 1 : start + row + 2] &= passed[row, row + 1 : row + 2]", "suppression"),
    Mutant("suppressed within a block alone", "suppression", "alive[start + row + 1 :] &= passed[row, row + 1 :]", "alive[start + row + 1 : start + ROWS] &= passed[row, row + 1 : ROWS]", "suppression"),
    Mutant("by rising score", "suppression", "order = falling(scores)", "order = falling(-scores)", "suppression"),
    Mutant("the last of equal scores", "suppression", "turned = scores[::-1]\n    order = len(scores) - 1 - np.argsort(turned", "turned = scores\n    order = np.argsort(turned", "suppression"),
    Mutant("indices of the sorted boxes", "suppression", "return order[alive]", "return np.flatnonzero(alive)", "suppression"),
    # detections
    Mutant("a score at the threshold counts", "finding", "(scores > least)", "(scores >= least)", "edges"),
    Mutant("the background found", "finding", "shares.T)[1:], 1)", "shares.T), 0)", "detections"),
    Mutant("labels from 0", "finding", "shares.T)[1:], 1)", "shares.T)[1:])", "detections"),
    Mutant("all candidates", "finding", "falling(scores[above])[:candidates]", "falling(scores[above])", "detections"),
    Mutant("more candidates by default", "finding", "candidates: int = 300", "candidates: int = 400", "edges"),
    Mutant("more objects by default", "finding", "most: int = 300", "most: int = 400", "edges"),
    Mutant("the first candidates", "finding", "above[falling(scores[above])[:candidates]]", "above[:candidates]", "detections"),
    Mutant("all that was found", "finding", "falling(shares[anchors, classes])[:most]", "falling(shares[anchors, classes])", "detections"),
    Mutant("cut before the suppression", "finding", "falling(scores[above])[:candidates]", "falling(scores[above])[:candidates][:most]", "edges"),
    Mutant("found class by class", "finding", "best = falling(shares[anchors, classes])[:most]", "best = np.arange(len(anchors))[:most]", "detections"),
    Mutant("boxes not clipped", "finding", "np.clip(boxes, 0, np.array([height, width] * 2))", "boxes", "detections"),
    Mutant("boxes clipped to the other side", "finding", "[height, width] * 2", "[width, height] * 2", "detections"),
    Mutant("softmax always", "finding", 'sigmoid(logits) if scores == "sigmoid" else _softmax(logits)', "_softmax(logits)", "detections"),
    Mutant("the bound forgotten", "finding", "math.inf if largest is None else real", "math.inf if True else real", "detections"),
    Mutant("NaN among the boxes", "finding", " & whole", "", "edges"),
]  # fmt: skip
