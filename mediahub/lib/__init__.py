"""Small tools without tables, open to every app."""
