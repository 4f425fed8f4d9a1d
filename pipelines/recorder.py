"""A pick's lambda, run once on a recorder: what it reads and compares becomes an expression."""

from collections.abc import Callable, Sized
from typing import Any, NoReturn, cast

from argosy.pipelines.annotation import (
    Annotation,
    FieldOf,
    describe,
    fields_of,
    is_any,
    is_list,
    is_object,
    is_typed_dict,
    item_of,
    members,
    union,
)
from argosy.pipelines.expression import WHY_DATA, Expression, literal
from argosy.schemas.errors import BuildError


def record(pick: Callable[[Any], object], start: Expression) -> Expression:
    """Run a pick's lambda once and give what it recorded; BuildError for what can't be data."""
    kind = describe(start.annotation)
    try:
        result = pick(Recorded(start))
    except BuildError:
        raise
    except Exception as error:
        raise BuildError(
            what=f"the pick on {kind} raised {type(error).__name__}: {error}",
            why=WHY_DATA,
            do="read fields and compare them only; compute the value in an agent",
        ) from error
    if isinstance(result, Recorded):
        return expression_of(result)
    raise BuildError(
        what=f"the pick on {kind} gives the constant {result!r}",
        why="nothing of the value was recorded (`is None` and `isinstance` can't be)",
        do="use exists(x) for `is not None`, or argosy.const(...)",
    )


def size(value: Sized) -> int:
    """Count the items of a list, the keys of an object or the characters of a text: `len` for a pick."""
    recorded: object = value
    if not isinstance(recorded, Recorded):
        return len(value)
    expression = expression_of(recorded)
    for member in members(expression.annotation):
        if not (
            is_any(member) or is_list(member) or is_object(member) or _is_text(member) or fields_of(member)
        ):
            raise _refused(
                what=f"size() on {describe(expression.annotation)}", do="pick a list, a text or an object"
            )
    return cast("int", Recorded(expression.size()))


def exists(value: object) -> bool:
    """Tell whether a value is not None, in a pick or outside of one."""
    if not isinstance(value, Recorded):
        return value is not None
    return cast("bool", Recorded(expression_of(value).test("!=", literal(None))))


def expression_of(recorded: "Recorded") -> Expression:
    """Give what a recorder holds; no method, since a recorder's attributes are the fields of the value."""
    return cast("Expression", object.__getattribute__(recorded, "_expression"))


def _refused(*, what: str, do: str) -> BuildError:
    return BuildError(what=f"a pick can't use {what}", why=WHY_DATA, do=do)


def _is_text(member: Annotation) -> bool:
    return isinstance(member, type) and issubclass(member, str)


def _is_number(annotation: Annotation) -> bool:
    return all(is_any(m) or m in (int, float) for m in members(annotation))


def _operand(value: object) -> str:
    return expression_of(value).operand if isinstance(value, Recorded) else literal(value)


def _type_of(value: object) -> Annotation:
    return expression_of(value).annotation if isinstance(value, Recorded) else type(value)


def _cannot(operator: str) -> Callable[..., NoReturn]:
    def refuse(self: "Recorded", *_: object) -> NoReturn:
        on = describe(expression_of(self).annotation)
        raise _refused(what=f"{operator} on {on}", do="compute in an agent")

    return refuse


def _field(expression: Expression, name: str) -> Expression:
    found = members(expression.annotation)
    known: dict[str, FieldOf] = {}
    for member in found:
        if is_any(member):
            return expression.field(name, Any)
        fields = None if is_typed_dict(member) else fields_of(member)
        known |= fields or {}
    kind = describe(expression.annotation)
    if name in known:
        key, annotation = known[name]
        return expression.field(key, annotation)
    if not known:
        raise _refused(what=f".{name} on {kind}", do="compute in an agent")
    raise BuildError(
        what=f"{kind} has no field {name!r}",
        why=f"a pick reads fields; its fields are {', '.join(known)}",
        do="name one of them, or compute the value in an agent",
    )


def _value(member: Annotation, key: str) -> list[Annotation]:
    if is_any(member):
        return [Any]
    if is_object(member):
        return [item_of(member)]
    fields = fields_of(member) if is_typed_dict(member) else None
    return [fields[key].annotation] if fields and key in fields else []


def _test(left: "Recorded", operator: str, right: object) -> "Recorded":
    return Recorded(expression_of(left).test(operator, _operand(right)))


def _ordered(left: "Recorded", operator: str, right: object) -> "Recorded":
    for side in (left, right):
        annotation = _type_of(side)
        if not _is_number(annotation):
            raise BuildError(
                what=f"a pick can't order {describe(annotation)} with {operator}",
                why="JMESPath orders numbers only",
                do="pick a number, or decide in an agent and return a bool field",
            )
    return _test(left, operator, right)


def _both(operator: str, left: object, right: object) -> "Recorded":
    for side in (left, right):
        annotation = _type_of(side)
        if annotation is not bool and not is_any(annotation):
            raise BuildError(
                what="a pick uses & or | on something that is not a bool",
                why="& binds tighter than a comparison",
                do="write (a > 1) & (b == 2), with the brackets",
            )
    return Recorded(Expression(bool, base=f"{_operand(left)} {operator} {_operand(right)}"))


class Recorded:
    """Stands for a value that isn't there yet, and writes down what is read of it."""

    __slots__ = ("_expression",)

    def __init__(self, expression: Expression) -> None:
        """Stand for what the expression gives."""
        object.__setattr__(self, "_expression", expression)

    def __getattr__(self, name: str) -> "Recorded":
        """Record a field."""
        if name.startswith("__"):
            raise AttributeError(name)
        expression = expression_of(self)
        return Recorded(_field(expression, name))

    def __getitem__(self, key: object) -> "Recorded":
        """Record an item of a list, or a value of a mapping."""
        expression = expression_of(self)
        found = members(expression.annotation)
        match key:
            case bool():
                pass
            case int():
                items = [Any if is_any(m) else item_of(m) for m in found if is_any(m) or is_list(m)]
                if items:
                    return Recorded(expression.item(key, union(*items)))
            case str():
                values = [value for member in found for value in _value(member, key)]
                if values:
                    return Recorded(expression.field(key, union(*values)))
            case _:
                pass
        raise _refused(
            what=f"[{key!r}] on {describe(expression.annotation)}", do="pick a field or a single item"
        )

    def __eq__(self, other: object) -> "Recorded":  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] - it records
        """Record a comparison."""
        return _test(self, "==", other)

    def __ne__(self, other: object) -> "Recorded":  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] - it records
        """Record a comparison."""
        return _test(self, "!=", other)

    __hash__ = None  # type: ignore[assignment] # pyright: ignore[reportAssignmentType] - no set may look it up

    def __lt__(self, other: object) -> "Recorded":
        """Record a comparison of numbers."""
        return _ordered(self, "<", other)

    def __le__(self, other: object) -> "Recorded":
        """Record a comparison of numbers."""
        return _ordered(self, "<=", other)

    def __gt__(self, other: object) -> "Recorded":
        """Record a comparison of numbers."""
        return _ordered(self, ">", other)

    def __ge__(self, other: object) -> "Recorded":
        """Record a comparison of numbers."""
        return _ordered(self, ">=", other)

    def __and__(self, other: object) -> "Recorded":
        """Record that both must be true."""
        return _both("&&", self, other)

    def __rand__(self, other: object) -> "Recorded":
        """Record that both must be true."""
        return _both("&&", other, self)

    def __or__(self, other: object) -> "Recorded":
        """Record that one must be true."""
        return _both("||", self, other)

    def __ror__(self, other: object) -> "Recorded":
        """Record that one must be true."""
        return _both("||", other, self)

    def __bool__(self) -> bool:
        """Refuse: Python asks this for `and`, `or`, `not`, `in` and `if`."""
        raise _refused(
            what="`and`, `or`, `not`, `in` or `if`",
            do="use & and |, unless= for not, or return a bool from an agent",
        )

    def __contains__(self, _: object) -> bool:
        """Refuse, like __bool__."""
        return bool(self)

    def __len__(self) -> int:
        """Refuse: len() must give a number now."""
        raise _refused(what="len()", do="use argosy.size(...)")

    def __iter__(self) -> NoReturn:
        """Refuse: there are no items yet."""
        raise _refused(what="a loop", do="map over the list, or compute in an agent")

    def __str__(self) -> str:
        """Refuse: there is no text yet."""
        raise _refused(what="text formatting", do="build the text in an agent")

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        """Refuse: there is no text yet."""
        return str(self)

    __add__ = __radd__ = _cannot("+")
    __sub__ = __rsub__ = __neg__ = _cannot("-")
    __mul__ = __rmul__ = _cannot("*")
    __truediv__ = __rtruediv__ = _cannot("/")
    __floordiv__ = __rfloordiv__ = _cannot("//")
    __mod__ = __rmod__ = _cannot("%")
    __pow__ = __rpow__ = _cannot("**")
    __call__ = _cannot("a call")
    __int__ = _cannot("int()")
    __float__ = _cannot("float()")
    __index__ = _cannot("an index")
    __abs__ = _cannot("abs()")
    __round__ = _cannot("round()")

    def __invert__(self) -> NoReturn:
        """Refuse: a pick has no negation."""
        raise _refused(what="~", do="use unless= for not, or compare with == False")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a pick reads."""
        raise _refused(what=f"`.{name} = ...`", do="compute in an agent")
