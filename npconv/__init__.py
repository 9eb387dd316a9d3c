"""npconv: convolutions as they are taught, forward and backward, by hand in NumPy.

`import npconv` gives the kernels. To read one, start at `conv2d_taps` beside `depthwise_conv2d_taps`: they differ in
`@` against `*`. The rest lives in modules of its own: npconv.cost, npconv.checks, npconv.layers, npconv.models,
npconv.training, npconv.figures, npconv.claims.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernels import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the kernels, and NumPy with them, when the first is asked for: the command line prepares NumPy before."""
    if not name.startswith("__") or name == "__all__":
        kernels = importlib.import_module(".kernels", __name__)
        for public in kernels.PUBLIC:
            globals().setdefault(public, getattr(kernels, public))  # another value may have been set
        globals().setdefault("__all__", kernels.PUBLIC)
        if name in globals():
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
