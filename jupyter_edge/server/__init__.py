"""The Jupyter Server extension: the engine for the browser, which never sees its token."""
