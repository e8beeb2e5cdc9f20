"""The room for use cases: each public function is one transaction (or says that it is part of one) and keeps a promise.

`Runtime` is what they all need, `errors` what they refuse; nothing here knows HTTP, a channel's format, or a browser.

* `talk`: the way of a message, from its number to its fate, and who speaks.
* `case`: a case and its verbs. `deadlines`: its clocks. `people`: whose it can be.
* `rights`: what a citizen does with their own data.
* `post`: what goes out. `attachments`: files. `views`: what is looked at; nothing that acts needs a view.
"""
