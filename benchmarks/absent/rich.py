"""Stands before the real package for what is weighed: the images do not have it, and here structlog would load it.

Only tools of development need rich; a process that finds it is four to eight megabytes larger than in production.
"""

raise ImportError("rich is not in the images")
