"""How well the bot reads, and how well it knows when it does not: runs in Rasa's environment (Python 3.10).

`report` describes our model on questions it was never trained on; `compare` trains Rasa's own pipelines on the same
examples and sets their figures beside ours, also on an English benchmark with questions out of scope.

    coverage        the share of questions that gets an answer from the bot
    selective risk  the share of those answers that are about something else
    escalated       left to a person: never wrong, but it costs somebody's time
"""
