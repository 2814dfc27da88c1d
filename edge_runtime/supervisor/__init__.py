"""The `run` command: hub child, agent and local upstream, from a state folder to a clean stop."""
