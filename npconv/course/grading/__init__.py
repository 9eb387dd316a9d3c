"""The grader: a submission's functions run in a process of their own, and are judged outside it.

`process` and `worker` are the two ends of that process; `ladder` makes the cases, `judging` the verdicts, `report` says
them, `folders` in the table of a class; `self_test` grades known mistakes and known right answers.
"""

from .child import Limits
from .grade import grade, grade_source
from .process import Outcome, Submission
from .report import Report
from .self_test import SelfTest, self_test

__all__ = ["Limits", "Outcome", "Report", "SelfTest", "Submission", "grade", "grade_source", "self_test"]
