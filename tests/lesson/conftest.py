"""What the lessons' topics are tested against, where their code has it too."""

from tests.batch.conftest import cheap, serve

__all__ = ["cheap", "serve"]
