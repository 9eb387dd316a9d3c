"""What ships with npconv: digits, stored results, and the photograph that comes with matplotlib.

README.md beside this file says where the data are from, and under which licence.
"""

from .digits import load_digits
from .photograph import Photograph, load_photograph, synthetic_picture
from .stored import path, read_arrays, read_json

__all__ = [
    "Photograph",
    "load_digits",
    "load_photograph",
    "path",
    "read_arrays",
    "read_json",
    "synthetic_picture",
]
