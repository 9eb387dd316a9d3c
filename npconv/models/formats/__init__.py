"""Weights from files, whatever their format: flat mappings from names to arrays."""

from .reading import read_arrays as read_arrays
