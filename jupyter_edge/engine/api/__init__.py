"""Routers: one module for each noun, thin over the module of the same name one folder up."""
