"""Counts as other packages' counters make them, and the conventions behind a count."""

from .explain import Explanation as Explanation, Explanations as Explanations, explain_count as explain_count
from .tools import TOOLS as TOOLS, CountedPart as CountedPart, ToolCount as ToolCount, count_as as count_as
