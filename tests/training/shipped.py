"""Experiments whose runs ship: that the stored ones are those of the settings in the code."""

from dataclasses import asdict
from itertools import product


def check_shipped(results, settings, seeds, variants, measures):
    """Check settings, seeds, networks and steps; a run has all measures at every step, or those that are its own."""
    assert results["settings"] == asdict(settings)
    assert (results["seeds"], results["networks"]) == (list(seeds), variants)
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == list(product(variants, seeds))
    every = list(range(settings.evaluate_every, settings.steps + 1, settings.evaluate_every))
    for run in results["runs"]:
        assert run["step"] == every
        for name in ("train_loss", "test_loss", *measures(run["variant"])):
            assert len(run[name]) == len(every), name
