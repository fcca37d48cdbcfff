"""OCI artifacts: content-addressed blobs, a registry client, the layout of what is published, and a registry."""
