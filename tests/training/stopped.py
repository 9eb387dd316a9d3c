"""Training networks with heads: a small run, whole or stopped, with all of its numbers as bytes."""

import pytest

from npconv.training import Adam, cosine, resumable

RUN = {"steps": 5, "batch_size": 4, "seed": 3, "evaluate_every": 3, "checkpoint_every": 2}


class Stopped(BaseException):
    """As Ctrl-C: no Exception."""


def trained(train, net, task, path=None, *, optimizer=Adam, schedule=None, **changes):
    """The history of a run, and the bytes of the network's and the optimizer's arrays after it."""
    updater = optimizer(net.params)
    schedule = cosine(0.01, 5, warmup=2) if schedule is None else schedule
    history = train(net, task, updater, schedule, **{**RUN, "checkpoint": path, **changes})
    arrays = net.arrays() | {f"optimizer {name}": a for name, a in updater.state.items()}
    return history.as_dict(), {name: a.tobytes() for name, a in arrays.items()}


def check_that_it_goes_on(run, folder, monkeypatch):
    """Check that `run(path, progress=…)`, stopped after any step, goes on to the same bits."""
    monkeypatch.setattr(resumable, "keep_memory", lambda: None)
    expected = run()
    assert expected[0]["step"] == [3, 5]
    for last in (1, 2, 3):  # a checkpoint is due at 2, an evaluation at 3
        path = folder / f"{last}.npz"

        def progress(done, loss, history, last=last):
            if done == last:
                raise Stopped

        with pytest.raises(Stopped):
            run(path, progress=progress)
        assert run(path) == expected
