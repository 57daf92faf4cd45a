"""The reliability probe: damaged files, kills, full disks and hostile command lines, counted.

``python -m slow.reliability.probe`` runs all of it and writes its table,
``research/results/reliability.json``.
"""
