"""The Rasa room: what runs inside Rasa 3.6 on Python 3.10, and imports nothing of `handoff`.

`language` and `intent_model` are plain Python; `tokenizer`, `classifier` and `abstention` hang them into Rasa's graph;
`channel` is the door the gateway knocks on; `tracker_store` is the little a turn needs to remember; `action_results`
and `config` make good what Rasa does slowly or in silence.
"""
