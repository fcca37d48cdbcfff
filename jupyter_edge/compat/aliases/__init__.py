"""The modules that `jupyter_edge.compat` serves under the tutorials' names."""
