"""npconv.detection keeps the kernels' contract: pure, in the arrays' dtype, and errors that name what is wrong."""

# ruff: noqa: E501 (a table of errors and their words)

import inspect
import re

import numpy as np
import pytest
from detection_guards import boxes_of, random_case

from npconv import detection
from npconv.detection.loss import loss_and_gradients

RNG = np.random.default_rng(7)
LOGITS, PREDICTED, LABELS, WANTED = random_case(0)
A = boxes_of(RNG, 7)
TRUTHS = [boxes_of(RNG, 3), np.zeros((0, 4)), boxes_of(RNG, 2)]
TRUTH_LABELS = [np.array([1, 4, 2]), np.zeros(0, np.int64), np.array([3, 3])]
LOSS = {"logits": LOGITS, "codes": PREDICTED, "labels": LABELS, "targets": WANTED}

CALLS = {  # a valid call of each function of arrays; a new function must join
    "clip_boxes": {"boxes": A, "image_size": (30, 40)},
    "decode_boxes": {"codes": PREDICTED, "anchors": A},
    "detections": {"logits": LOGITS, "codes": PREDICTED, "anchors": A, "image_size": (40, 60), "score_threshold": 0.1},
    "encode_boxes": {"boxes": A, "anchors": boxes_of(RNG, 7)},
    "iou": {"a": A, "b": A[:4]},
    "match_boxes": {"overlaps": RNG.random((3, 7))},
    "non_maximum_suppression": {"boxes": A, "scores": RNG.random(7), "threshold": 0.3},
    "ssd_loss": LOSS,
    "ssd_loss_backward": {"dy": 2.0, **LOSS},
    "ssd_loss_stages": LOSS,
    "ssd_targets": {"anchors": A, "boxes": TRUTHS, "labels": TRUTH_LABELS},
}
NO_ARRAYS = {"tensorflow_boxes", "torchvision_boxes", "default_boxes"}
ELSEWHERE = {"average_precision", "mean_average_precision", "precision_recall"}  # exact, in a test of their own

calls = pytest.mark.parametrize("name", CALLS)


def run(name, **changed):
    given = CALLS[name] | changed
    parameters = inspect.signature(getattr(detection, name)).parameters
    positional = [given[key] for key, each in parameters.items() if each.kind is not each.KEYWORD_ONLY]
    options = {key: given[key] for key, each in parameters.items() if each.kind is each.KEYWORD_ONLY and key in given}
    return getattr(detection, name)(*positional, **options)


def changed(value, change):
    """An argument whose arrays are changed."""
    if isinstance(value, list):
        return [changed(each, change) for each in value]
    return change(value) if isinstance(value, np.ndarray) else value


def run_changed(name, change):
    return run(name, **{key: changed(value, change) for key, value in CALLS[name].items()})


def arrays_in(value):
    """All arrays and numbers of a result."""
    if isinstance(value, tuple | list):
        return [array for each in value for array in arrays_in(each)]
    return [np.asarray(value)]


def test_the_table_has_every_function():
    functions = {name for name, value in vars(detection).items() if inspect.isfunction(value)}
    assert functions == CALLS.keys() | NO_ARRAYS | ELSEWHERE


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@calls
def test_no_argument_is_changed_and_the_result_is_another_array(name):
    before = arrays_in(list(CALLS[name].values()))
    copies = [array.copy() for array in before]
    result = arrays_in(run_changed(name, frozen))
    assert all(map(np.array_equal, before, copies))
    expected = arrays_in(run(name))
    assert all(map(np.array_equal, result, expected))
    assert all(array.flags.writeable for array in result if array.ndim)
    assert not any(np.shares_memory(one, other) for one in expected for other in before if one.ndim)


LAYOUTS = {
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "turned": lambda a: a[::-1].copy()[::-1],
    "by columns": np.asfortranarray,
    "the other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "mapped": lambda a: a.view(np.memmap) if a.size else a,
}


@calls
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_arrays_changes_no_bit(name, layout):
    result, expected = (arrays_in(each) for each in (run_changed(name, LAYOUTS[layout]), run(name)))
    assert all(map(np.array_equal, result, expected))
    assert all(array.dtype.isnative for array in result)


@calls
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_floats_keep_their_dtype_and_are_computed_in_no_less(name, dtype):
    result = arrays_in(run_changed(name, lambda a: a.astype(dtype) if a.dtype.kind == "f" else a))
    exact = arrays_in(run_changed(name, lambda a: a.astype(dtype).astype(np.float64) if a.dtype.kind == "f" else a))
    assert {array.dtype for array in result if array.dtype.kind == "f"} <= {np.dtype(dtype)}
    for one, other in zip(result, exact, strict=True):
        assert one.shape == other.shape
        bound = max(4 * np.finfo(np.result_type(dtype, np.float32)).eps, np.finfo(dtype).eps, 1e-14)
        assert np.allclose(one.astype(np.float64), other, rtol=bound, atol=bound)


def test_a_result_of_two_dtypes_is_of_the_larger():
    small, large = A.astype(np.float16), A.astype(np.float32)
    assert detection.iou(small, large).dtype == np.float32
    assert detection.encode_boxes(large, small).dtype == np.float32
    assert detection.decode_boxes(small, A.astype(np.longdouble)).dtype == np.longdouble
    dlogits, dcodes = detection.ssd_loss_backward(1.0, LOGITS.astype("f"), PREDICTED, LABELS, WANTED)
    assert (dlogits.dtype, dcodes.dtype) == (np.float32, np.float64)
    (found, *_) = detection.detections(LOGITS.astype(np.float16), PREDICTED.astype("f"), A, 60, score_threshold=0.3)
    assert [array.dtype for array in found] == [np.float32, np.float16, np.int64]
    labels, codes = detection.ssd_targets(A.astype("f"), TRUTHS, TRUTH_LABELS)
    assert (labels.dtype, codes.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.uint64])
def test_boxes_of_integers_are_boxes(dtype):
    boxes = np.array([[0, 0, 100, 100], [2, 3, 60, 70], [50, 50, 120, 127]])
    small, floats = boxes.astype(dtype), boxes.astype(np.float64)
    assert np.array_equal(detection.iou(small, floats), detection.iou(floats, floats))
    for function in (detection.iou, detection.encode_boxes):
        assert np.array_equal(function(small, small), function(floats, floats))
        assert function(small, small).dtype == np.float64
    clipped = detection.clip_boxes(small, (90, 300))
    assert clipped.dtype == dtype
    assert np.array_equal(clipped, detection.clip_boxes(floats, (90, 300)))
    scores = np.array([1, 3, 2], dtype)
    assert detection.non_maximum_suppression(small, scores, threshold=0.2).tolist() == [1, 2]
    labels, codes = detection.ssd_targets(small, [small], [np.array([1, 2, 3], dtype)])
    assert labels.tolist() == [[1, 2, 3]]
    assert codes.dtype == np.float64
    loss = [detection.ssd_loss(LOGITS, PREDICTED, LABELS.astype(kind), WANTED) for kind in (dtype, np.int64)]
    assert loss[0] == loss[1]


def test_boxes_without_a_number_give_results_without_one():
    none = np.zeros((0, 4))
    assert detection.iou(none, A).shape == (0, 7)
    assert detection.iou(A, none).shape == (7, 0)
    assert detection.clip_boxes(none, 9).shape == (0, 4)
    assert detection.encode_boxes(none, none).shape == (0, 4)
    assert detection.decode_boxes(np.zeros((2, 0, 4)), none).shape == (2, 0, 4)
    labels, codes = detection.ssd_targets(A, [none], [np.zeros(0, np.int8)])
    assert not labels.any()
    assert not codes.any()
    labels, codes = detection.ssd_targets(none, TRUTHS, TRUTH_LABELS)
    assert (labels.shape, codes.shape) == ((3, 0), (3, 0, 4))


def test_large_boxes_of_small_floats_do_not_overflow():
    boxes = np.array([[0, 0, 3e4, 3e4]], np.float16)
    assert detection.iou(boxes, boxes) == 1
    boxes = np.array([[0, 0, 9e29, 9e29]], np.float32)
    assert detection.iou(boxes, boxes) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_codes_that_are_too_large_give_infinite_boxes(dtype):
    anchor = np.array([[0, 0, 8, 8]], dtype)
    for size in (5000 if dtype == np.float64 else 500, np.inf):  # 500: too large only for the smaller dtypes
        codes = np.array([[0, 0, size, size]], dtype)
        assert detection.decode_boxes(codes, anchor).tolist() == [[-np.inf, -np.inf, np.inf, np.inf]]
    assert detection.decode_boxes(np.array([[0, 0, -np.inf, 0]], dtype), anchor).tolist() == [[4, 0, 4, 8]]
    codes = np.array([[np.nan, np.inf, 0, 0]], dtype)
    assert np.array_equal(detection.decode_boxes(codes, anchor), [[np.nan, np.inf] * 2], equal_nan=True)


def test_numbers_that_are_not_finite_come_out_of_the_loss():
    for name, at in (("logits", (0, 0, 0)), ("codes", (0, int(LABELS[0].argmax())))):
        for bad in (np.nan, np.inf):
            broken = LOSS[name].copy()
            broken[at] = bad
            with np.errstate(invalid="ignore"):
                loss = run("ssd_loss", **{name: broken})
            assert not np.isfinite(loss)
    hidden = LOGITS.copy()
    hidden[-1, -1] = np.nan  # a negative that is no number is chosen first
    assert run("ssd_loss_stages", logits=hidden, least_negatives=1).chosen[-1].tolist() == [False] * 6 + [True]
    assert np.isnan(run("ssd_loss", logits=hidden, least_negatives=1))
    outside = PREDICTED.copy()
    outside[LABELS == 0] = np.nan  # codes of the background are not read
    assert run("ssd_loss", codes=outside) == run("ssd_loss")
    large = 1e20 * np.ones_like(PREDICTED.astype("f"))
    assert np.isfinite(run("ssd_loss", codes=large))


def test_any_number_of_negatives_is_all_of_them():
    for name in ("negatives", "least_negatives"):
        all_of_them, more = (run("ssd_loss", **{name: count}) for count in (7, 2**63 - 1))
        assert all_of_them == more


TURNED = np.array([[10.0, 10, 0, 0]])
FLAT = np.array([[0.0, 0, 0, 9]])
ERRORS = {  # function, changed arguments, kind of error, words
    "exchanged corners": ("iou", {"a": TURNED}, ValueError,
        "iou: a must be boxes (top, left, bottom, right) with top <= bottom and left <= right; "
        "got [10.0, 10.0, 0.0, 0.0] at 0, a (1, 4)"),
    "the third box": ("iou", {"b": np.array([[0, 0, 1, 1]] * 2 + [[0, 5, 1, 4]])}, ValueError, "got [0, 5, 1, 4] at 2, b (3, 4)"),
    "NaN": ("iou", {"b": TURNED * np.nan}, ValueError, "b must be finite boxes, in size at most 1e+30"),
    "infinite": ("non_maximum_suppression", {"boxes": np.array([[0, 0, 1, np.inf]] * 7)}, ValueError, "finite boxes"),
    "a box alone": ("iou", {"a": A[0]}, ValueError, "iou: a must be (n, 4); got a (4,)"),
    "five numbers": ("clip_boxes", {"boxes": np.zeros((2, 5))}, ValueError, "clip_boxes: boxes must be (…, 4); got boxes (2, 5)"),
    "clipped after exchange": ("clip_boxes", {"boxes": TURNED}, ValueError, "top <= bottom"),
    "one box with exchanged corners": ("clip_boxes", {"boxes": TURNED[0]}, ValueError, "got [10.0, 10.0, 0.0, 0.0], boxes (4,)"),
    "a list": ("iou", {"a": [[0, 0, 1, 1]]}, TypeError, "iou: a must be an ndarray of real numbers; got list"),
    "complex": ("iou", {"a": A * 1j}, TypeError, "got dtype complex128"),
    "booleans": ("iou", {"a": A > 1}, TypeError, "got dtype bool"),
    "no area": ("encode_boxes", {"boxes": np.tile(FLAT, (7, 1))}, ValueError,
        "boxes must be boxes with a height and a width; got [0.0, 0.0, 0.0, 9.0] at 0"),
    "other anchors": ("encode_boxes", {"anchors": A[:3]}, ValueError,
        "anchors must be shaped like boxes, or like its last axes; got boxes (7, 4), anchors (3, 4)"),
    "one anchor": ("decode_boxes", {"anchors": A[:1]}, ValueError, "got codes (3, 7, 4), anchors (1, 4)"),
    "three scales": ("decode_boxes", {"scales": (10, 10, 5)}, ValueError, "scales must be four numbers"),
    "scale 0": ("encode_boxes", {"scales": (10, 10, 5, 0)}, ValueError, "scales must be above 0"),
    "a NaN overlap": ("match_boxes", {"overlaps": np.full((2, 3), np.nan)}, ValueError, "overlaps must not hold NaN"),
    "a truth without area": ("ssd_targets", {"boxes": [*TRUTHS[:2], np.vstack([A[:1], FLAT])]}, ValueError,
        "ssd_targets: boxes[2] must be boxes with a height and a width; got [0.0, 0.0, 0.0, 9.0] at 1"),
    "label 0": ("ssd_targets", {"labels": [*TRUTH_LABELS[:2], np.array([1, 0])]}, ValueError,
        "ssd_targets: labels[2] must be between 1 and 9223372036854775807; got 0 to 1, labels[2] (2,)"),
    "label too large": ("ssd_targets", {"labels": [*TRUTH_LABELS[:2], np.array([1, 2**64 - 1], np.uint64)]}, ValueError, "labels[2]"),
    "a label too few": ("ssd_targets", {"labels": [*TRUTH_LABELS[:2], np.array([1])]}, ValueError,
        "ssd_targets: labels[2] must be (2,); got labels[2] (1,)"),
    "labels of floats": ("ssd_targets", {"labels": [*TRUTH_LABELS[:2], np.array([1.0, 2])]}, TypeError, "labels[2] must be an ndarray of integers"),
    "an image too few": ("ssd_targets", {"labels": TRUTH_LABELS[:2]}, ValueError,
        "ssd_targets: boxes and labels must have one array for each image; got 3 and 2"),
    "no image": ("ssd_targets", {"boxes": [], "labels": []}, ValueError, "got 0 and 0"),
    "an array for a list": ("ssd_targets", {"boxes": A}, TypeError, "boxes must be a list of arrays, one for each image; got ndarray"),
    "a label beyond the classes": ("ssd_loss", {"labels": LABELS + 4}, ValueError, "ssd_loss: labels must be between 0 and 4; got 4 to 8"),
    "a label below 0": ("ssd_loss", {"labels": LABELS - 1}, ValueError, "labels must be between 0 and 4; got -1 to"),
    "labels of another shape": ("ssd_loss_backward", {"labels": LABELS[:2]}, ValueError, "labels must be (3, 7); got labels (2, 7)"),
    "codes of another shape": ("ssd_loss_stages", {"codes": PREDICTED[:, :6]}, ValueError, "codes must be (3, 7, 4); got codes (3, 6, 4)"),
    "targets of another shape": ("ssd_loss", {"targets": WANTED[..., :3]}, ValueError, "targets must be (3, 7, 4); got targets (3, 7, 3)"),
    "integer logits": ("ssd_loss", {"logits": LABELS}, TypeError, "logits must be an ndarray of floats"),
    "no class": ("ssd_loss", {"logits": LOGITS[..., :0]}, ValueError, "logits must be (B, A, C), every axis at least 1"),
    "dy of the loss's arrays": ("ssd_loss_backward", {"dy": np.ones(3)}, TypeError, "dy must be a real scalar"),
    "scores of another shape": ("non_maximum_suppression", {"scores": np.ones(6)}, ValueError, "scores must be (7,); got scores (6,)"),
    "a NaN score": ("non_maximum_suppression", {"scores": np.full(7, np.nan)}, ValueError, "scores must not hold NaN"),
    "threshold above 1": ("non_maximum_suppression", {"threshold": 1.1}, ValueError, "threshold must be at least 0 and at most 1"),
    "other anchors than logits": ("detections", {"anchors": A[:3]}, ValueError, "anchors must be (7, 4); got anchors (3, 4)"),
    "flat anchors": ("detections", {"anchors": np.tile(FLAT, (7, 1))}, ValueError, "a height and a width"),
    "complex logits": ("detections", {"logits": LOGITS * 1j}, TypeError, "logits must be an ndarray of real floats"),
    "clipped in the middle": ("detections", {"clip": "middle"}, ValueError, "clip must be one of first, last; got 'middle'"),
    "no candidates": ("detections", {"candidates": 0}, ValueError, "candidates must be at least 1"),
    "another word": ("detections", {"scores": "relu"}, ValueError, "scores must be one of softmax, sigmoid"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_the_error_says_what_is_wrong(case):
    name, arguments, kind, words = ERRORS[case]
    with pytest.raises(kind, match=re.escape(words)) as caught:
        run(name, **arguments)
    assert str(caught.value).startswith(f"{name}: ")


CELLS = (((0.2, 1), (0.3, 2)),)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: detection.DefaultBoxes(()), "DefaultBoxes: cells must be a tuple of (scale, ratio) pairs for each map"),
        (lambda: detection.DefaultBoxes(((),)), "DefaultBoxes: cells must be"),
        (lambda: detection.DefaultBoxes((((0.1, 1, 2),),)), "DefaultBoxes: cells must be"),
        (lambda: detection.DefaultBoxes((((0.1, 0),),)), "DefaultBoxes: cells must be above 0"),
        (lambda: detection.DefaultBoxes((((np.nan, 1),),)), "DefaultBoxes: cells must be above 0"),
        (lambda: detection.DefaultBoxes([CELLS[0], []]), "DefaultBoxes: cells must be"),
        (lambda: detection.DefaultBoxes(CELLS, "longer"), "relative_to must be one of shorter, each"),
        (lambda: detection.default_boxes(detection.DefaultBoxes(CELLS), (3, 2), 9), "one size for each of the specification's 1 maps"),
        (lambda: detection.default_boxes("caffe", (3, 2), 9), "specification must be one of tensorflow, torchvision"),
        (lambda: detection.tensorflow_boxes(smallest=0.5, largest=0.4), "tensorflow_boxes: largest must be at least 0.5"),
        (lambda: detection.torchvision_boxes(ratios=(2, 0)), "torchvision_boxes: ratios must be above 0"),
    ],
)  # fmt: skip
def test_wrong_default_boxes_are_refused(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


@pytest.mark.parametrize("cells", [None, (0.2, 0.3), CELLS[0], "ab", np.array([CELLS[0]])])
def test_cells_that_are_no_tuples_of_pairs_are_refused(cells):
    with pytest.raises(TypeError, match=re.escape("DefaultBoxes: cells must be a tuple of (scale, ratio) pairs")):
        detection.DefaultBoxes(cells)


def test_default_boxes_have_the_dtype_that_is_asked_for_and_rounded_once():
    exact = detection.default_boxes("tensorflow", (3, 2), (30, 40))
    assert exact.dtype == np.float64
    assert np.array_equal(detection.default_boxes("tensorflow", (3, 2), (30, 40), dtype="float32"), exact.astype("f"))


def test_a_specification_is_a_value():
    boxes = detection.DefaultBoxes([[[np.float32(0.5), np.int8(1)]]])
    assert boxes.cells == (((0.5, 1.0),),)
    assert boxes == detection.DefaultBoxes((((0.5, 1),),))
    assert {boxes: 1}[boxes] == 1
    assert all(type(number) is float for number in boxes.cells[0][0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"negatives": 1, "least_negatives": 2, "repeat_positives": False}])
def test_the_loss_and_its_gradients_at_once_have_the_bits_of_the_two_functions(options, dtype):
    arrays = {name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in LOSS.items()}
    loss, *gradients = loss_and_gradients(**arrays, **options)
    assert loss == detection.ssd_loss(**arrays, **options)
    assert loss.dtype == dtype
    for got, expected in zip(gradients, detection.ssd_loss_backward(1.0, **arrays, **options), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == dtype
