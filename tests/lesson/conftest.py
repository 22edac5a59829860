"""What the lessons' topics are tested against, where their code has it too."""

from __future__ import annotations

import pytest

from resonance_helpers.lesson.connect import LessonClient
from resonance_sandbox import Sandbox
from tests.batch.conftest import cheap, serve

__all__ = ["api", "cheap", "serve"]


@pytest.fixture
def api(server: Sandbox) -> LessonClient:
    """A client of the module's sandbox, in its first state."""
    server.reset()
    client = LessonClient(server.url)
    client.sandbox = server
    return client
