"""How others measure: each a plan, and a figure from its samples."""
