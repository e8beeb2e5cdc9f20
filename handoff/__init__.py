"""Wajah's record: who asked, who owns the conversation, which officer answers, and by when."""
