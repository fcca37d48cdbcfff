"""How the API says that something went wrong: `{"msg", "code"}` with the HTTP status that fits."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.engine.database import is_full

INFERENCE = "/v1/api/pipelines/infer/"


class ErrorBody(TypedDict):
    """What went wrong in a sentence, and the HTTP status again."""

    msg: str
    code: int


def error_response(status: int, message: str) -> Response:
    """Return an error as the API writes it."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(ErrorBody(msg=message, code=status), status, headers)


def inference_error(status: int, message: str) -> Response:
    """Return an error as inference writes it: an array of one object."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse([{"error": message}], status, headers)


def sentence_of(error: ErrorDetails | dict[str, Any]) -> str:
    """Return one sentence that names the field of a request that is wrong, and how."""
    place = ".".join(str(part) for part in error["loc"] if part != "body")
    if error["type"] == "json_invalid":
        return f"The body is not JSON: {error['ctx']['error']} at position {place}."
    if error["type"] == "missing":
        return f"The field '{place}' is missing."
    reason = error["msg"].removeprefix("Value error, ").rstrip(".")
    return f"The field '{place}' cannot be used: {reason}." if place else f"The body cannot be used: {reason}."


def add_error_handlers(app: FastAPI) -> None:
    """Have every exception answered as the API writes errors; the unexpected are logged with their traceback."""
    app.exception_handler(EdgeError)(_answer_own)
    app.exception_handler(RequestValidationError)(_answer_invalid)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(IntegrityError)(_answer_conflict)
    app.exception_handler(OperationalError)(_answer_database)
    app.exception_handler(Exception)(_answer_unexpected)


async def _answer_own(_request: Request, error: EdgeError) -> Response:
    return error_response(error.status, str(error))


async def _answer_invalid(_request: Request, error: RequestValidationError) -> Response:
    return error_response(400, sentence_of(error.errors()[0]))


async def _answer_http(request: Request, error: HTTPException) -> Response:
    messages = {
        404: f"There is no endpoint {request.url.path}: /v1/api/docs lists those that there are.",
        405: f"{request.url.path} does not take {request.method}: /v1/api/docs says how it is called.",
    }
    return error_response(error.status_code, messages.get(error.status_code, str(error.detail)))


async def _answer_conflict(_request: Request, _error: IntegrityError) -> Response:
    return error_response(409, "Another request changed the same thing at the same moment: try again.")


async def _answer_database(request: Request, error: OperationalError) -> Response:
    if is_full(error):
        return error_response(507, "The disk is full, so nothing was changed: free some space and try again.")
    raise error


async def _answer_unexpected(_request: Request, error: Exception) -> Response:
    msg = f"The engine failed unexpectedly ({type(error).__name__}): `jupyter-edge engine logs` says more."
    return error_response(500, msg)
