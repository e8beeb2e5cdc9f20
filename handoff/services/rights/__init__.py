"""The room for what a citizen may do with their own data (UU 27/2022, docs/adr/0039): see what is kept and who looked,
take a copy, have it erased; from the chat, or through the data officer."""
