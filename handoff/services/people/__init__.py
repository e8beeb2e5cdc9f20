"""The room for the office's people: units, duty, signing in, and leaving (P2)."""
