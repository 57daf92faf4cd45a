"""The guest is installed and run by tests/guests; its files are no tests of ours."""

collect_ignore_glob = ["*.py", "spikeproof_guest/*"]
