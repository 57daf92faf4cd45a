"""How often intervals cover: simulated networks that differ, and items that they share."""
