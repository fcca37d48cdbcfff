"""Plain values shared by every part: no I/O beyond the engine's home folder, no sibling imported."""
