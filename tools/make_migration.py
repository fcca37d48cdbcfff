"""Write the migration from the newest schema to what the tables say now.

Usage: python tools/make_migration.py "Say why"
"""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import jupyter_edge.engine

(message,) = sys.argv[1:]
config = Config()
config.set_main_option("script_location", str(Path(jupyter_edge.engine.__file__).with_name("migrations")))
newest = ScriptDirectory.from_config(config).get_current_head() or "0"
with create_engine("sqlite://").connect() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    made = command.revision(config, message, autogenerate=True, rev_id=f"{int(newest) + 1:04}")
path = Path(made.path)  # without the lines that only say who wrote it
path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "# ###" not in line))
