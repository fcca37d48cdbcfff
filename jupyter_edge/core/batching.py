"""How requests of one row are gathered into batches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from jupyter_edge.core.errors import InvalidInputError


@dataclass(frozen=True)
class DynamicBatchingConfig:
    """How long requests of one row wait for others, and how many rows a batch has.

    Args:
        max_batch_delay_ms: how many milliseconds the first request of a batch waits at most.
        batch_size_target: a batch of so many rows runs at once.
        batch_size_limit: a batch never has more rows than this; ``None`` sets no limit but the server's own.

    Raises:
        InvalidInputError: for what is no whole number, or a batch without rows, or a limit below the target.
    """

    max_batch_delay_ms: int = 10
    batch_size_target: int = 4
    batch_size_limit: int | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            check_setting(name, value)
        if self.batch_size_limit is not None and self.batch_size_limit < self.batch_size_target:
            msg = (
                f"batch_size_limit is {self.batch_size_limit}, and batch_size_target {self.batch_size_target}: "
                "no batch could reach it; give a limit of at least the target."
            )
            raise InvalidInputError(msg)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidInputError: for other names, or values that fit none.
        """
        try:
            return cls(**values)
        except TypeError:
            msg = f"A DynamicBatchingConfig has no settings {', '.join(values)}: give those of the class."
            raise InvalidInputError(msg) from None


def check_setting(name: str, value: Any) -> None:
    """Refuse what a setting of a `DynamicBatchingConfig` cannot be, whatever the others are.

    Raises:
        InvalidInputError: if it is no whole number that will do.
    """
    least = 0 if name == "max_batch_delay_ms" else 1
    if (type(value) is not int or value < least) and not (name == "batch_size_limit" and value is None):
        msg = f"{name} of a DynamicBatchingConfig is {value!r}: give a whole number from {least} up."
        raise InvalidInputError(msg)


def require_one_way(batch_config: str | None, dynamic: DynamicBatchingConfig | None) -> None:
    """Refuse to gather requests for a model that takes one row at a time.

    Raises:
        InvalidInputError: if both are given.
    """
    if batch_config == "single" and dynamic is not None:
        msg = (
            'batch_config="single" runs one row at a time, and dynamic_batching_config gathers rows into batches: '
            "give one of them."
        )
        raise InvalidInputError(msg)
