"""Speed of the package, with results; every file with a main but `harness` is a benchmark."""
