"""What a type checker knows of a dict: which keys there are, and what is under them.

A TypedDict can't have attributes, and an answer has some (`.etag`, `.request_id`). So this says
what a TypedDict says in the types of two methods: ``Fields[Literal["a", "b"], str, Literal["c"],
int]`` has texts under ``a`` and ``b``, a number under ``c``, and another key is an error.

At run time there is nothing of it: `Fields` is `dict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, overload

if TYPE_CHECKING:
    from typing import Never

    from _typeshed import SupportsKeysAndGetItem
    from typing_extensions import TypeVar

    K1 = TypeVar("K1", bound=str, contravariant=True, default=Never)
    V1 = TypeVar("V1", covariant=True, default=Any)
    K2 = TypeVar("K2", bound=str, contravariant=True, default=Never)
    V2 = TypeVar("V2", covariant=True, default=Any)
    K3 = TypeVar("K3", bound=str, contravariant=True, default=Never)
    V3 = TypeVar("V3", covariant=True, default=Any)
    K4 = TypeVar("K4", bound=str, contravariant=True, default=Never)
    V4 = TypeVar("V4", covariant=True, default=Any)
    K5 = TypeVar("K5", bound=str, contravariant=True, default=Never)
    V5 = TypeVar("V5", covariant=True, default=Any)
    K6 = TypeVar("K6", bound=str, contravariant=True, default=Never)
    V6 = TypeVar("V6", covariant=True, default=Any)
    K7 = TypeVar("K7", bound=str, contravariant=True, default=Never)
    V7 = TypeVar("V7", covariant=True, default=Any)
    K8 = TypeVar("K8", bound=str, contravariant=True, default=Never)
    V8 = TypeVar("V8", covariant=True, default=Any)
    K9 = TypeVar("K9", bound=str, contravariant=True, default=Never)
    V9 = TypeVar("V9", covariant=True, default=Any)
    D = TypeVar("D", default=None)
    _Text = Literal["status", "message", "type"]

    class Fields(
        dict[str, Any],
        SupportsKeysAndGetItem[str, Any],
        Generic[K1, V1, K2, V2, K3, V3, K4, V4, K5, V5, K6, V6, K7, V7, K8, V8, K9, V9],
    ):
        """A dict with the keys `K1`, each with a value of the type `V1`, and so on.

        And with those of a `Failure`, which a call may return in place of what it promises.
        """

        @overload  # type: ignore[override]
        def __getitem__(self, key: K1, /) -> V1: ...
        @overload
        def __getitem__(self, key: K2, /) -> V2: ...
        @overload
        def __getitem__(self, key: K3, /) -> V3: ...
        @overload
        def __getitem__(self, key: K4, /) -> V4: ...
        @overload
        def __getitem__(self, key: K5, /) -> V5: ...
        @overload
        def __getitem__(self, key: K6, /) -> V6: ...
        @overload
        def __getitem__(self, key: K7, /) -> V7: ...
        @overload
        def __getitem__(self, key: K8, /) -> V8: ...
        @overload
        def __getitem__(self, key: K9, /) -> V9: ...
        @overload
        def __getitem__(self, key: _Text, /) -> str: ...
        @overload
        def __getitem__(self, key: Literal["response_code"], /) -> int | None: ...
        @overload
        def __getitem__(self, key: Literal["request_id"], /) -> str | None: ...
        @overload
        def __getitem__(self, key: Literal["retryable"], /) -> bool: ...
        @overload
        def __getitem__(self, key: Literal["retry_after"], /) -> float | None: ...
        @overload
        def __getitem__(self, key: Literal["attempts"], /) -> int: ...
        @overload
        def __getitem__(self, key: Literal["checks"], /) -> dict[str, dict[str, Any]]: ...
        def __getitem__(self, key: Any, /) -> Any: ...

        @overload  # type: ignore[override]
        def get(self, key: K1, default: D = ..., /) -> V1 | D: ...
        @overload
        def get(self, key: K2, default: D = ..., /) -> V2 | D: ...
        @overload
        def get(self, key: K3, default: D = ..., /) -> V3 | D: ...
        @overload
        def get(self, key: K4, default: D = ..., /) -> V4 | D: ...
        @overload
        def get(self, key: K5, default: D = ..., /) -> V5 | D: ...
        @overload
        def get(self, key: K6, default: D = ..., /) -> V6 | D: ...
        @overload
        def get(self, key: K7, default: D = ..., /) -> V7 | D: ...
        @overload
        def get(self, key: K8, default: D = ..., /) -> V8 | D: ...
        @overload
        def get(self, key: K9, default: D = ..., /) -> V9 | D: ...
        @overload
        def get(self, key: _Text, default: D = ..., /) -> str | D: ...
        @overload
        def get(self, key: Literal["response_code"], default: D = ..., /) -> int | D | None: ...
        @overload
        def get(self, key: Literal["request_id"], default: D = ..., /) -> str | D | None: ...
        @overload
        def get(self, key: Literal["retryable"], default: D = ..., /) -> bool | D: ...
        @overload
        def get(self, key: Literal["retry_after"], default: D = ..., /) -> float | D | None: ...
        @overload
        def get(self, key: Literal["attempts"], default: D = ..., /) -> int | D: ...
        @overload
        def get(
            self, key: Literal["checks"], default: D = ..., /
        ) -> dict[str, dict[str, Any]] | D: ...
        def get(self, key: Any, default: Any = None, /) -> Any: ...

else:
    Fields = dict
    K1 = V1 = K2 = V2 = K3 = V3 = K4 = V4 = K5 = V5 = K6 = V6 = K7 = V7 = None
