"""`python -m jupyter_edge.engine`: run the engine of `JUPYTER_EDGE_HOME` until SIGTERM or SIGINT."""

from __future__ import annotations

from jupyter_edge.core.loading import begin_loading

if __name__ == "__main__":
    begin_loading()

import argparse
import sys

from jupyter_edge.engine.main import main

parser = argparse.ArgumentParser(prog="python -m jupyter_edge.engine", description=__doc__)
parser.add_argument("--host", default="127.0.0.1", help="address to listen on (0.0.0.0: every interface)")
sys.exit(main(parser.parse_args().host))
