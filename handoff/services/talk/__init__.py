"""The room for the way of a message: stored, read, answered or given to a person; who speaks, what was agreed to."""
