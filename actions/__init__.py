"""The action server: Rasa's custom actions. They know no facts; they ask the gateway to act, over HTTP.

`python -m actions` serves them on 127.0.0.1:$WAJAH_ACTIONS_PORT.
"""
