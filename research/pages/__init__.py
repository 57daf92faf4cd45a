"""The pages of docs/evidence, written from stored results: `attacks` and `training`."""
