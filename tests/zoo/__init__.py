"""Defences that are broken on purpose, and sound ones beside them: what a diagnosis is judged by.

Every entry is built or trained in seconds from seeds alone. Which one is broken is a fact: the
function that it computes is known, an honest twin computes the same one with its true gradients,
and attacks on the twin show what the defence hides (``truth.py``).
"""
