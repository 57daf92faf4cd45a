"""Networks of other libraries, as their users write them, before and after ``sp.adapt``."""
