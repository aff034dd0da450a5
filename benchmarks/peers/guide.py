"""The todo service written the plain way, as tutorials do: ORM entities, a user look-up a request, `response_model`.

It has the same data, the same token and the same pool as ours, no cache, no outbox and no request log.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=5
)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


class GuideUser(SQLModel, table=True):
    """A user, as the plain service looks one up on each request."""

    id: str = Field(primary_key=True)
    email: str


class GuideTodo(SQLModel, table=True):
    """A todo with the fields that ours has."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: str = Field(index=True)
    title: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False
    priority: int = Field(default=3, ge=1, le=5)
    created_at: datetime = Field(sa_type=DateTime(timezone=True), default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True), default_factory=lambda: datetime.now(UTC))


class TodoCreate(SQLModel):
    """What a client sends."""

    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    priority: int = Field(default=3, ge=1, le=5)


class TodoPublic(TodoCreate):
    """What a client gets."""

    id: UUID
    user_id: str
    completed: bool
    created_at: datetime
    updated_at: datetime


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Create the tables, the users, and twenty-five todos of the first one."""
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with sessions() as session:
        users = os.environ["BENCH_USERS"].split(",")
        session.add_all(GuideUser(id=user, email="bench@example.com") for user in users)
        session.add_all(GuideTodo(user_id=users[0], title=f"Todo {n}") for n in range(25))
        await session.commit()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def get_session() -> AsyncIterator[AsyncSession]:
    """Give a session for the request."""
    async with sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def current_user(
    session: SessionDep, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> GuideUser:
    """Decode the token and look its user up."""
    try:
        claims = jwt.decode(credentials.credentials, os.environ["BETTER_AUTH_SECRET"], algorithms=["HS256"])
    except JWTError:
        raise HTTPException(401) from None
    user = await session.get(GuideUser, claims["sub"])
    if user is None:
        raise HTTPException(401)
    return user


CurrentUser = Annotated[GuideUser, Depends(current_user)]


@app.get("/todos", response_model=list[TodoPublic])
async def list_todos(session: SessionDep, user: CurrentUser, skip: int = 0, limit: int = 100) -> list[GuideTodo]:
    """Return the user's todos, newest first."""
    mine = select(GuideTodo).where(GuideTodo.user_id == user.id).order_by(col(GuideTodo.created_at).desc())
    return list((await session.exec(mine.offset(skip).limit(limit))).all())


@app.post("/todos", response_model=TodoPublic, status_code=201)
async def create_todo(body: TodoCreate, session: SessionDep, user: CurrentUser) -> GuideTodo:
    """Store a todo."""
    todo = GuideTodo(user_id=user.id, **body.model_dump())
    session.add(todo)
    await session.commit()
    await session.refresh(todo)
    return todo
