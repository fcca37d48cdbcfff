"""Request bodies into batches, and answers into bytes: pandas-records JSON and Arrow IPC files."""
