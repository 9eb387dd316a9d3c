"""Networks: a table of numbers each, and what turns the table into layers."""

from .small import SMALL_ROWS, Row, small_mobilenet_v2

__all__ = ["SMALL_ROWS", "Row", "small_mobilenet_v2"]
