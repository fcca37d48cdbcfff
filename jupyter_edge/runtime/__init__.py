"""Inference: ONNX sessions, codecs for JSON and Arrow, and the HTTP server that a deployment or an edge runs."""
