"""The learning rate at every step."""

import math

import numpy as np
import pytest

from npconv.training import constant, cosine, exponential


def test_the_cosine_goes_from_rate_to_final_and_stays_there():
    schedule = cosine(0.3, 50, final=0.02)
    for step in range(60):
        expected = 0.02 + 0.14 * (1 + math.cos(math.pi * min(step, 50) / 50))
        assert schedule(step) == pytest.approx(expected, rel=1e-12)


def test_the_warmup_leads_up_in_equal_steps_and_the_cosine_takes_the_rest():
    schedule, bare = cosine(0.3, 50, warmup=8), cosine(0.3, 42)
    np.testing.assert_allclose([schedule(step) for step in range(8)], np.arange(1, 9) * 0.3 / 8)
    np.testing.assert_allclose([schedule(step + 8) for step in range(50)], [bare(step) for step in range(50)])


def test_the_exponential_falls_in_stairs_as_the_paper_has_it():
    schedule = exponential(0.045, every=7)
    np.testing.assert_allclose([schedule(step) for step in range(22)], 0.045 * 0.98 ** (np.arange(22) // 7))


def test_the_constant_stays():
    assert {constant(0.1)(step) for step in (0, 1, 10**9)} == {0.1}


@pytest.mark.parametrize(
    "schedule", [constant(0.1), cosine(0.1, 9, warmup=2, final=0.01), exponential(0.1, factor=0.5, every=3)]
)
def test_the_repr_is_the_call_that_makes_it(schedule):
    again = eval(repr(schedule), {"constant": constant, "cosine": cosine, "exponential": exponential})
    assert again == schedule
    assert [again(step) for step in range(12)] == [schedule(step) for step in range(12)]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: constant(0), ValueError, "constant: rate"),
        (lambda: constant("0.1"), TypeError, "constant: rate"),
        (lambda: constant(float("nan")), ValueError, "constant: rate"),
        (lambda: constant(float("inf")), ValueError, "constant: rate must be above 0 and in size at most 1e"),
        (lambda: cosine(0.1, 10, final="a"), TypeError, "cosine: final must be a real number; got 'a'"),
        (lambda: cosine(0.1, 10, final=-0.1), ValueError, "cosine: final"),
        (lambda: exponential(float("inf"), every=2), ValueError, "exponential: rate must be above 0 and in size"),
        (lambda: cosine(0.1, 10.0), TypeError, "cosine: steps"),
        (lambda: cosine(0.1, 0), ValueError, "cosine: steps"),
        (lambda: cosine(0.1, 10, warmup=10), ValueError, "cosine: warmup"),
        (lambda: cosine(0.1, 10, final=0.2), ValueError, "cosine: final"),
        (lambda: exponential(0.1, every=0), ValueError, "exponential: every"),
        (lambda: exponential(0.1, every=True), TypeError, "exponential: every"),
        (lambda: exponential(0.1, factor=1.1, every=2), ValueError, "exponential: factor"),
    ],
)
def test_settings_out_of_range_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
