"""Mail: which texts are addresses, how a letter is written and handed over, and the worker that sends what is due.

An API process imports `addresses` alone; what speaks SMTP needs the extra `worker`.
"""
