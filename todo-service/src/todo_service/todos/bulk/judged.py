"""A body within a body, which is judged by itself: what is wrong with it is no fault of the whole."""

from typing import Generic, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from shared.problems import Unprocessable
from shared.validation import validation_problem

__all__ = ["Judged"]

Model = TypeVar("Model", bound=BaseModel)


class Judged(Generic[Model]):
    """What was sent as a `Model`: that model, or the refusal which it would be answered as a request of its own.

    The schema is the model's.
    """

    def __init__(self, verdict: Model | Unprocessable) -> None:
        self.verdict = verdict

    def accepted(self) -> Model:
        """Return the model; raise the refusal."""
        if isinstance(self.verdict, Unprocessable):
            raise self.verdict
        return self.verdict

    def sent(self) -> object:
        """Return what tells this body from others: what was sent of the model, or what is wrong with it."""
        if isinstance(self.verdict, Unprocessable):
            return self.verdict.members["errors"]
        return self.verdict.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate as the model does, and keep the faults."""

        def judge(value: object, validate: ValidatorFunctionWrapHandler) -> "Judged[Model]":
            try:
                return cls(validate(value))
            except ValidationError as error:
                faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
                return cls(validation_problem(faults))

        [model] = get_args(source)
        dump = core_schema.plain_serializer_function_ser_schema(cls.sent)
        return core_schema.no_info_wrap_validator_function(judge, handler.generate_schema(model), serialization=dump)
