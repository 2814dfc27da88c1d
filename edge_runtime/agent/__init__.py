"""The agent: starts what `$edgeAgent` desires, restarts it by its policy, reports how it is."""
