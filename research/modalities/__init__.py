"""Real event recordings, speech and pairs of both: folds that no published split has."""
