"""The older name of `npconv.training.fig07.probes` and `npconv.training.fig07.measurements`."""

from .fig07.measurements import *  # noqa: F403
from .fig07.measurements import ProbeSettings as Settings  # noqa: F401
from .fig07.probes import *  # noqa: F403

if __name__ == "__main__":
    make_stored(progress=print)  # noqa: F405
