"""Counts as other packages' counters make them, and the conventions behind a count."""

from .tools import TOOLS as TOOLS, CountedPart as CountedPart, ToolCount as ToolCount, count_as as count_as
