"""The course: lessons, exercises and their grader, steppers."""
