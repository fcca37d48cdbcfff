"""Write one-row records to a spool until killed: argv = path, first number, rows and width of a record.

Prints the number of the last row that is committed.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

from jupyter_edge.logs.spool import Spool
from tests.logs.helpers import record

path, (first, rows, width) = Path(sys.argv[1]), map(int, sys.argv[2:])
spool = Spool(path, "writer")
for number in count(first, rows):
    spool.append(record(number, rows, width=width))
    if (number - first) // rows % 20 == 19:
        spool.flush()
        sys.stdout.write(f"{number + rows - 1}\n")
        sys.stdout.flush()
    time.sleep(0.0005)
