"""Data that ship with npconv: digits, stored results, and the photograph that comes with matplotlib.

README.md beside this file says where the data are from, and under which licence.
"""

from .digits import load_digits as load_digits
from .photograph import (
    Photograph as Photograph,
    load_photograph as load_photograph,
    synthetic_picture as synthetic_picture,
)
from .stored import path as path, read_arrays as read_arrays, read_json as read_json
