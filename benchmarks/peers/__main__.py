"""Install the peers, each into .venv/peers/NAME: `python -m benchmarks.peers [NAME ...]`."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.peers import PEERS, Peer


def install(peer: Peer) -> bool:
    """Make an environment and install into it; return whether that went well."""
    if peer.installed:
        return True
    commands = (
        [peer.python, "-m", "venv", "--clear", str(peer.environment)],
        [peer.program("pip"), "install", "--quiet", "--disable-pip-version-check", *peer.requirements],
    )
    if any(subprocess.run(command, check=False).returncode for command in commands):
        return False
    (peer.environment / "installed").touch()
    return True


def main() -> None:
    """Install all, or those that are named."""
    names = sys.argv[1:] or [peer.name for peer in PEERS]
    failed = [peer.title for peer in PEERS if peer.name in names and not install(peer)]
    if failed:
        sys.exit(f"Not installed, and so not measured: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
