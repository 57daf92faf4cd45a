"""What was measured about the attacks; each file with a main stores one result."""
