"""The hub beside other brokers: throughput, latency, memory, backlog, recovery."""
