"""Writing engines: the interface (`base`) and the built-in one (`engine`)."""

from .base import Brief, Draft, Writer, WriterError
from .engine import ResonantWriter, default_writer

__all__ = ["Brief", "Draft", "ResonantWriter", "Writer", "WriterError", "default_writer"]
