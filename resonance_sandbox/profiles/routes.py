"""GET and POST /profiles; GET, PUT and DELETE /profiles/{tenant}/{profile_name}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from ..hrv import HRVVector
from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, responses
from ..http.reply import Reply, commit, json_response, read
from ..http.schemas import Name
from ..http.strict_route import StrictRoute
from . import store as profile_store
from .schemas import NewProfile, Profile, ProfileList, ProfileUpdate

__all__ = ["router"]

router = APIRouter(tags=["profiles"], route_class=StrictRoute)

Reader = Annotated[Principal, Depends(Needs("profiles:read"))]
Editor = Annotated[Principal, Depends(Needs("profiles:write"))]
IfMatch = Annotated[
    str | None, Header(description="the ETag that you read; `*` for any", max_length=1000)
]
IfNoneMatch = Annotated[
    str | None, Header(description="only where it is none of these ETags", max_length=1000)
]
CHANGE = ("unknown-tenant", "unknown-profile", "tenant-not-allowed", "precondition-failed")


@router.get(
    "/profiles",
    response_model=ProfileList,
    responses=responses("unknown-tenant"),
    summary="List the shared profiles and a tenant's own",
)
async def list_profiles(
    request: Request,
    principal: Reader,
    tenant: Annotated[Name | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next_cursor` of the page before")
    ] = None,
) -> Response:
    """Shared profiles come first, then the tenant's own, each by name."""
    name = request.app.state.directory.resolve(principal, tenant)

    def look(connection: Connection) -> Response:
        listed, following = profile_store.page(connection, name, limit, cursor)
        return json_response({"profiles": listed, "count": len(listed), "next_cursor": following})

    return await read(request, look)


@router.post(
    "/profiles",
    status_code=201,
    response_model=Profile,
    responses=responses(
        "unknown-tenant", "profile-exists", "profile-limit", *WITH_BODY, *IDEMPOTENT
    ),
    summary="Make a profile",
)
async def create_profile(request: Request, body: NewProfile, principal: Editor) -> Response:
    """A tenant has at most 100 profiles of its own."""
    state = request.app.state
    tenant = state.directory.resolve(principal, body.tenant)
    now = state.clock.shown()
    request_id = context_of(request).request_id

    def effect(connection: Connection) -> Reply:
        shown, etag = profile_store.add(
            connection,
            tenant,
            body.profile_name,
            HRVVector(body.hrv_vector),
            body.description,
            body.metadata or {},
            now,
        )
        state.outbox.emit(connection, "profile.created", tenant, shown, request_id)
        location = f"/profiles/{tenant}/{body.profile_name}"
        return Reply(201, shown, {"Location": location, "ETag": etag})

    return await commit(request, effect)


@router.get(
    "/profiles/{tenant}/{profile_name}",
    response_model=Profile,
    responses={
        **responses("unknown-tenant", "unknown-profile", "precondition-failed"),
        304: {"description": "It is as you have it"},
    },
    summary="Read a profile",
)
async def read_profile(
    request: Request,
    tenant: Name,
    profile_name: Name,
    principal: Reader,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The tenant's own, or a shared one."""
    name = request.app.state.directory.resolve(principal, tenant)

    def look(connection: Connection) -> Response:
        shown, etag = profile_store.find(connection, name, profile_name)
        profile_store.require(etag, if_match)
        if if_none_match is not None and profile_store.matches(if_none_match, etag, weak=True):
            return Response(status_code=304, headers={"ETag": etag})
        return json_response(shown, headers={"ETag": etag})

    return await read(request, look)


@router.put(
    "/profiles/{tenant}/{profile_name}",
    response_model=Profile,
    responses=responses(*CHANGE, *WITH_BODY, *IDEMPOTENT),
    summary="Replace a profile",
)
async def replace_profile(
    request: Request,
    tenant: Name,
    profile_name: Name,
    body: ProfileUpdate,
    principal: Editor,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """With `If-Match` only if nobody has changed it since you read it (412)."""
    state = request.app.state
    name = state.directory.resolve(principal, tenant)
    now = state.clock.shown()

    def effect(connection: Connection) -> Reply:
        shown, etag = profile_store.change(
            connection,
            name,
            profile_name,
            HRVVector(body.hrv_vector),
            body.description,
            body.metadata or {},
            if_match,
            if_none_match,
            now,
        )
        return Reply(200, shown, {"ETag": etag})

    return await commit(request, effect)


@router.delete(
    "/profiles/{tenant}/{profile_name}",
    status_code=204,
    response_class=Response,
    responses=responses(*CHANGE, *IDEMPOTENT),
    summary="Delete a profile",
)
async def delete_profile(
    request: Request,
    tenant: Name,
    profile_name: Name,
    principal: Editor,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """With `If-Match` only if nobody has changed it since you read it (412)."""
    name = request.app.state.directory.resolve(principal, tenant)

    def effect(connection: Connection) -> Reply:
        profile_store.remove(connection, name, profile_name, if_match, if_none_match)
        return Reply(204)

    return await commit(request, effect)
