"""The room for HTTP: blueprints that parse a request, call one use case and format what it says; nothing else."""
