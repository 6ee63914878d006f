"""A SET: all of its changes or none of them (RFC 3416 section 4.2.5).

:func:`test` looks at every binding and changes nothing; :meth:`Transaction.commit` makes the
changes. For AgentX, which spreads the two over PDUs (RFC 2741 section 7.2.4), the steps of a commit
can be had one by one. There is no step to clean up: a test reserves nothing. So whoever sets lets
nothing come between the two, and begins no other SET before this one has ended: what one takes back
would take the other's change with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mibs import ber
from mibs.access import PARTLY, SHOWN, Access
from mibs.ber import BerError
from mibs.setting import Change, ErrorStatus, Irreversible, Reversible, SetError
from mibs.smi import ObjectType
from mibs.table import Value
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree
from mibs.view import View

__all__ = ["Transaction", "VarBind", "describe", "test"]

VarBind = tuple[bytes, int, bytes]
"""An encoded OID, and the tag and the content of a value."""

_WIRE_RANGES = {ber.INTEGER: ((-0x80000000, 0x7FFFFFFF),)}
_UNSIGNED = ((0, 0xFFFFFFFF),)
_MAX_SHOWN = 255


def test(view: View, access: Access, varbinds: Sequence[VarBind]) -> Transaction:
    """Check whether all bindings can be set, each as RFC 3416 section 4.2.5 says, in its order.

    An instance that comes twice is refused with inconsistentValue: what it should hold would depend
    on an order that the protocol does not have, while either value alone might be set.

    Args:
        view: the rows that there are.
        access: what the requester may set.
        varbinds: of the request.

    Raises:
        SetError: a binding is refused. With genErr, its cause is a fault of ours, if it has one.
        BerError: a name is not an OID.
    """
    for name, _, _ in varbinds:
        ber.decode_oid(name)
    changes: list[tuple[int, Change]] = []
    seen: set[bytes] = set()
    for index, (name, tag, content) in enumerate(varbinds, 1):
        try:
            change = _test(view, access, name, tag, content, repeated=name in seen)
        except SetError as error:
            # A setting that refuses by itself is no fault, not even where the MIB wants genErr.
            raise SetError(error.status, index) from error.__cause__
        except Exception as error:
            raise SetError(ErrorStatus.GEN_ERR, index) from error
        seen.add(name)
        if change is not None:
            changes.append((index, change))
    return Transaction(changes)


class Transaction:
    """The changes of a SET that can be made, with the index of the binding that asks for each."""

    def __init__(self, changes: Sequence[tuple[int, Change]]) -> None:
        self._reversible = [(i, change) for i, change in changes if isinstance(change, Reversible)]
        self._irreversible = [
            (i, change) for i, change in changes if isinstance(change, Irreversible)
        ]
        self._applied: list[Reversible] = []
        self._acted = False

    async def commit(self) -> None:
        """Make all changes: those that can be undone, and when they are made, the others.

        Raises:
            SetError: with commitFailed, nothing is changed; with undoFailed, something is, and the
                index is 0. The cause is what the change has raised.
        """
        try:
            self.apply()
            await self.act()
        except SetError:
            self.undo()
            raise

    def apply(self) -> None:
        """Make the changes that can be undone, in the order of the bindings.

        Raises:
            SetError: one has failed, and :meth:`undo` is due.
        """
        for index, change in self._reversible:
            try:
                change.apply()
            except Exception as error:
                raise SetError(ErrorStatus.COMMIT_FAILED, index) from error
            self._applied.append(change)

    async def act(self) -> None:
        """Make the changes that cannot be undone, in the order of the bindings.

        Raises:
            SetError: one has failed, and :meth:`undo` is due.
        """
        for index, change in self._irreversible:
            try:
                await change.act()
            except Exception as error:
                raise SetError(ErrorStatus.COMMIT_FAILED, index) from error
            self._acted = True

    def undo(self) -> None:
        """Take back what was changed, the last change first.

        Raises:
            SetError: undoFailed, since not all of it could be taken back.
        """
        fault: Exception | None = None
        while self._applied:
            try:
                self._applied.pop().undo()
            except Exception as error:  # noqa: BLE001 - the other changes are to be undone still
                fault = error
        if self._acted or fault is not None:
            raise SetError(ErrorStatus.UNDO_FAILED) from fault


def describe(tree: Tree, varbinds: Sequence[VarBind]) -> list[tuple[str, str]]:
    """Return instances and values as printable text: ``cikeTunStatus.7`` and ``destroy(2)``.

    Raises:
        BerError: a name is not an OID.
    """
    return [
        (_instance(tree, name), _printed(tree.find(name)[0], tag, content))
        for name, tag, content in varbinds
    ]


def _test(
    view: View, access: Access, name: bytes, tag: int, content: bytes, *, repeated: bool
) -> Change | None:
    span, rest = view.tree.find(name)
    if not _may_set(access, span, name):
        raise SetError(ErrorStatus.NO_ACCESS)
    if isinstance(span, ColumnSpan) and (set_cell := span.column.write) is not None:
        value = _value(span.type, tag, content)
        if value in span.column.read_only:
            raise SetError(ErrorStatus.WRONG_VALUE)
        row = view.row(span, ber.decode_sub_identifiers(rest))
        _check_instance(exists=row is not None, repeated=repeated)
        return set_cell(row, value)
    if isinstance(span, ScalarSpan) and (set_scalar := span.scalar.write) is not None:
        value = _value(span.type, tag, content)
        _check_instance(exists=rest == b"\x00", repeated=repeated)
        return set_scalar(value)
    raise SetError(ErrorStatus.NOT_WRITABLE)


def _may_set(access: Access, span: Span | None, name: bytes) -> bool:
    if span is None:
        # An access tells spans apart: whoever may set in none of them may not set here either.
        return any(access.spans) and access.allows(name)
    shown = access.spans[span.number]
    return shown == SHOWN or (shown == PARTLY and access.allows(name))


def _value(type_: ObjectType, tag: int, content: bytes) -> Value:
    """Decode a value, and check it against the type that the MIB declares."""
    if tag != type_.tag:
        raise SetError(ErrorStatus.WRONG_TYPE)
    if tag == ber.OCTET_STRING:
        if type_.ranges and not _within(len(content), type_.ranges):
            raise SetError(ErrorStatus.WRONG_LENGTH)
        return content
    try:
        if tag == ber.OBJECT_IDENTIFIER:
            return ber.decode_oid(content)
        number = ber.decode_integer(content, 0, len(content))
    except BerError as error:
        raise SetError(ErrorStatus.WRONG_ENCODING) from error
    if type_.enumeration:
        right = number in type_.enumeration.values()
    else:
        right = _within(number, type_.ranges or _WIRE_RANGES.get(tag, _UNSIGNED))
    if not right:
        raise SetError(ErrorStatus.WRONG_VALUE)
    return number


def _within(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(lowest <= number <= highest for lowest, highest in ranges)


def _check_instance(*, exists: bool, repeated: bool) -> None:
    if not exists:
        raise SetError(ErrorStatus.NO_CREATION)
    if repeated:
        raise SetError(ErrorStatus.INCONSISTENT_VALUE)


def _instance(tree: Tree, name: bytes) -> str:
    oid = ber.decode_oid(name)
    span, _ = tree.find(name)
    if span is None:
        return ".".join(map(str, oid))
    return ".".join(map(str, (span.type.name, *oid[len(span.type.oid) :])))


def _printed(span: Span | None, tag: int, content: bytes) -> str:
    try:
        if tag == ber.OBJECT_IDENTIFIER:
            return ".".join(map(str, ber.decode_oid(content)))
        if tag in _WIRE_RANGES:
            number = ber.decode_integer(content, 0, len(content))
            labels = {} if span is None else span.type.enumeration
            return next(
                (f"{label}({number})" for label, known in labels.items() if known == number),
                str(number),
            )
    except BerError:
        pass
    # As Python writes octets: nothing in it can pass for another line of a log.
    shown = repr(content[:_MAX_SHOWN])[1:]
    return shown if tag == ber.OCTET_STRING else f"0x{tag:02x} {shown}"
