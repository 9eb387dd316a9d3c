"""Steppers as pages: one HTML file each, which opens from disk and asks for nothing else."""

from .page import notebook_html, page_html, write_page

__all__ = ["notebook_html", "page_html", "write_page"]
