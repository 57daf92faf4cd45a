"""The search for the recipe for several norms, in three rounds on validation items."""
