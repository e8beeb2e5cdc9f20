"""The room for files: received in pieces, cleaned, encrypted, served as downloads."""
