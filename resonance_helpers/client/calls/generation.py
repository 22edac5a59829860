"""POST /hr_generate and /hrv: articles, and the measures of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..transport import Call, arguments
from ..transport.arguments import optional_text
from ..types import ArticleAnswer, MeasuredAnswer
from .base import OPTIONS, Calls

if TYPE_CHECKING:
    from typing import Unpack

    from ..types import GenerationOptions, WriteOptions

_NUMBER = (int, float)


class GenerationCalls(Calls):
    """Articles, and the measures of a text."""

    def generate_content(
        self,
        prompt: str,
        tenant: str | None = None,
        profile_name: str | None = None,
        **kwargs: Unpack[GenerationOptions],
    ) -> ArticleAnswer:
        """POST /hr_generate: an article on `prompt`, in the style of a profile.

        Args:
            prompt: What to write about; the server takes 1 to 5,000 characters.
            tenant: Whose profiles to use; None for the caller's own.
            profile_name: The style; None for ``neutral_professional``.
            **kwargs: More fields of the request: ``paragraphs`` (1 to 8), ``max_length``
                (characters), ``temperature`` (0 to 2), ``seed``. And, of the call,
                ``idempotency_key`` (that of an earlier call, to get its answer and not a second
                one), ``headers``, ``pace``, ``timeout`` and ``deadline``, which are never in the
                body.

        Returns:
            ``article``, ``hrv_feedback`` (0 to 1; 1 is exact), ``hrv_vector`` (8 numbers, as
            measured), ``target_hrv`` (8 numbers), ``paragraphs``, ``generation_time``, ...
        """
        return self._run(self.prepare_generation(prompt, tenant, profile_name, **kwargs))

    def prepare_generation(
        self,
        prompt: str,
        tenant: str | None = None,
        profile_name: str | None = None,
        **kwargs: Unpack[GenerationOptions],
    ) -> Call[ArticleAnswer]:
        """The `Call` that `generate_content` makes, not made yet."""
        fields: dict[str, Any] = kwargs  # type: ignore[assignment]
        call: Any = {name: fields.pop(name) for name in OPTIONS if name in fields} if fields else {}
        payload = {
            "prompt": arguments.text("prompt", prompt),
            "tenant": optional_text("tenant", tenant),
            "profile_name": optional_text("profile_name", profile_name),
            **fields,
        }
        expect = {"article": str, "hrv_feedback": _NUMBER}
        return self._post("/hr_generate", ArticleAnswer, call, payload, expect=expect)

    def measure_text(self, text: str, **call: Unpack[WriteOptions]) -> MeasuredAnswer:
        """POST /hrv: the ``hrv_vector`` of any text, and the evidence found for each dimension."""
        payload = {"text": arguments.text("text", text)}
        expect = {"hrv_vector": list}
        return self._run(self._post("/hrv", MeasuredAnswer, call, payload, expect=expect))
