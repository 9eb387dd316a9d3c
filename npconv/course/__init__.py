"""The course: lessons, exercises and their grader, steppers.

`lessons` has the lessons as text and as notebooks, `blanks` judges what is filled in there; `exercises` has what is
asked and right answers to it, `grading` the grader; `steps` goes through a convolution step by step, and `page` shows
the steps in a browser.
"""
