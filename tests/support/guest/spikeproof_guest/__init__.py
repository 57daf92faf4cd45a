"""Things of another author, one kind in each file."""
