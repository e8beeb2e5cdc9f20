"""The room for the case: opened, owned, moved, closed; one function for each verb (docs/adr/0003)."""
