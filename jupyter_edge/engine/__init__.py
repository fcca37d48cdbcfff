"""The embedded local engine: API, store, deployments, jobs, publishes and the central log."""
