"""What a channel needs beyond the use cases: it parses what comes and formats what goes; nothing else."""
