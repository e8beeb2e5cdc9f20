"""The room for what goes out: to the citizen's channel, to officers as news, to both by e-mail."""
