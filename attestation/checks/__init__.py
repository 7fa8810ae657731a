"""The checks of docs/PROTOCOL.md §3, one function each.

A check takes an `Examination` and returns one sentence for people when it passes, or None where the protocol leaves it
out. It raises `AppraisalError` when it fails, its code naming the rule, and `UncheckedError` when it cannot be made.
Rules are judged in the order in which they stand, which is the order of the codes in docs/PROTOCOL.md.
"""
