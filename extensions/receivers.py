"""What the extensions do when the library announces something."""
