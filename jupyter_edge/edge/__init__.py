"""The agent round a runtime: on a device, and as the process that runs a replica of a deployment."""
