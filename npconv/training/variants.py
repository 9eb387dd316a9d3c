"""The older name of `npconv.training.fig07.networks`."""

from .fig07.networks import *  # noqa: F403
