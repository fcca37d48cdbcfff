"""Upload, deploy, publish and watch ONNX pipelines from a notebook, and run them on the edge."""
