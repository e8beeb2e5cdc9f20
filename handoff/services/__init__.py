"""The room for use cases: each public function is one transaction (or says that it is part of one) and keeps a promise.

`Runtime` is what they all need; nothing here knows HTTP, a channel's format, or a browser.
"""
