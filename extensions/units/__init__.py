"""Units: what runs cost and what accounts may spend."""
