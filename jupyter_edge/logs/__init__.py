"""The inference log on a device: records are encoded, spooled on disk and shipped to the engine."""
