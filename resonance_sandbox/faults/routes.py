"""/sandbox/faults: declare, list and lift the faults of the caller's own realm.

Not in the OpenAPI document.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ..control.routes import Tenant, realm_of
from ..http.context import context_of
from ..http.needs import Needs
from ..http.problems import Problem
from ..http.reply import json_response
from ..http.strict_json import loads
from .engine import FaultEngine, Rule
from .kinds import KINDS, FaultError
from .wire import STATE_KEY

__all__ = ["router"]

router = APIRouter(
    prefix="/sandbox/faults", include_in_schema=False, dependencies=[Depends(Needs("sandbox"))]
)


@router.get("")
async def listed(request: Request, tenant: Tenant = None) -> Response:
    """The faults in force, each with how many attempts it saw and struck, and what kinds exist."""
    return json_response(
        {
            "faults": _engine(request).rules(realm_of(request, tenant)),
            "kinds": {name: kind.meaning for name, kind in KINDS.items()},
        }
    )


@router.post("")
async def add(request: Request, tenant: Tenant = None) -> Response:
    """Put one fault in force."""
    realm = realm_of(request, tenant)
    try:
        rule = Rule.parse(_declared(request))
        _needs_wire(request, rule)
        return json_response(_engine(request).add(realm, rule), 201)
    except FaultError as error:
        raise Problem(
            "validation-failed",
            f"No fault was declared. {error}.",
            errors=[(error.field, error.message)],
        ) from None


@router.delete("")
async def clear(request: Request, tenant: Tenant = None) -> Response:
    """Lift every fault."""
    return json_response({"lifted": _engine(request).clear(realm_of(request, tenant))})


@router.delete("/{id}")
async def lift(id: str, request: Request, tenant: Tenant = None) -> Response:
    """Lift one fault."""
    lifted = _engine(request).clear(realm_of(request, tenant), id)
    if not lifted:
        raise Problem("not-found", "No such fault is in force; GET /sandbox/faults lists them.")
    return json_response({"lifted": lifted})


def _declared(request: Request) -> dict[str, Any]:
    declared = loads(context_of(request).body or b"")
    if not isinstance(declared, dict):
        raise FaultError("body", "it is a JSON object with at least a kind")
    return declared


def _needs_wire(request: Request, rule: Rule) -> None:
    wired = [name for name in rule.kinds if KINDS[name].layer == "wire"]
    if wired and STATE_KEY not in request.scope.get("state", {}):
        raise FaultError(
            "kind",
            f"{wired[0]} needs the socket, which this server does not hold; start it with "
            "python -m resonance_sandbox",
        )


def _engine(request: Request) -> FaultEngine:
    engine: FaultEngine = request.app.state.faults
    return engine
