"""Pickles of plain data, read without executing them.

A pickle is a program for a small stack machine, and the real machine calls whatever the
program names. The one here calls nothing: it builds numbers, texts, lists, tuples and
dictionaries, and it knows the few names by which numpy's arrays are stored, which it
rebuilds from their bytes by itself. Any other name ends the reading. The machine's words
come from ``pickletools``, which only takes a file apart.
"""

from __future__ import annotations

import pickletools
import warnings
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError

__all__ = ["read_plain_pickle"]

LARGEST_BYTES = 2 * 2**30
NUMBERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
NUMPY = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}
NUMPY |= {"numpy.core.numeric", "numpy._core.numeric"}
NUMPY_NAMES = {"_reconstruct", "_frombuffer", "scalar", "ndarray", "dtype"}
EMPTY = {  # what is called without arguments, and what it is then
    ("collections", "OrderedDict"): dict,
    ("__builtin__", "bytes"): bytes,
    ("builtins", "bytes"): bytes,
}
OTHER_NAMES = {("_codecs", "encode"), *EMPTY}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
PLAIN = {  # opcodes whose argument is the value
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()


class _Refused(Exception):
    """The pickle holds something that is not plain data; the text says what."""


@dataclass(frozen=True)
class _Name:
    """A name that a pickle asks for; nothing is looked up."""

    module: str
    name: str

    def is_numpy(self, name: str) -> bool:
        return self.module in NUMPY and self.name == name


@dataclass
class _DType:
    """What a pickle says about the numbers of an array."""

    code: str
    order: str = "<"

    def real(self) -> np.dtype[Any]:
        return np.dtype(("" if self.order == "|" else self.order) + self.code)


@dataclass
class _Array:
    """An array whose content comes later."""

    content: np.ndarray[Any, Any] | None = field(default=None)


def read_plain_pickle(path: Path) -> Any:
    """Return what a pickle holds: numbers, texts, containers and arrays of numbers.

    Raises:
        DataError: The file is no pickle, is damaged, or holds anything else.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: is larger than {LARGEST_BYTES // 2**30} GiB")
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of odd escapes in texts: they are only odd
            return _finished(_Machine().run(raw), {})
    except _Refused as error:
        raise DataError(
            f"{path}: holds more than data: {error}; it was not executed (save the arrays with "
            "numpy.savez instead)"
        ) from None
    except RecursionError:
        raise DataError(f"{path}: its containers are nested too deep") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{path}: not a pickle, or a damaged one ({' '.join(str(error).split())[:120]})"
        ) from error


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, raw: bytes) -> Any:
        """Return what the program leaves on the stack."""
        for opcode, argument, _ in pickletools.genops(BytesIO(raw)):
            if opcode.name == "STOP":
                (result,) = self.stack
                return result
            self._step(opcode.name, argument)
        raise ValueError("it has no end")

    def _step(self, word: str, argument: Any) -> None:
        stack = self.stack
        if word in PLAIN:
            stack.append(argument)
        elif word in CONSTANTS:
            stack.append(CONSTANTS[word])
        elif word == "MARK":
            stack.append(MARK)
        elif word in TUPLES:
            count = TUPLES[word]
            stack.append(tuple(self._pop(count)))
        elif word in {"TUPLE", "LIST", "DICT", "FROZENSET"}:
            stack.append(self._collected(word))
        elif word in {"EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"}:
            stack.append({"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}[word]())
        elif word in {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"}:
            self._fill(word)
        elif word in {"PUT", "BINPUT", "LONG_BINPUT"}:
            self.memo[argument] = stack[-1]
        elif word == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif word in {"GET", "BINGET", "LONG_BINGET"}:
            stack.append(self.memo[argument])
        elif word in {"POP", "POP_MARK", "DUP"}:
            self._shuffle(word)
        elif word in {"GLOBAL", "STACK_GLOBAL"}:
            module, name = argument.split(" ", 1) if word == "GLOBAL" else self._pop(2)
            stack.append(self._named(module, name))
        elif word == "REDUCE":
            name, arguments = self._pop(2)
            stack.append(_made(name, arguments))
        elif word == "BUILD":
            (state,) = self._pop(1)
            _built(stack[-1], state)
        elif word not in {"PROTO", "FRAME"}:
            raise _Refused(f"the instruction {word}")

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        if not count:
            return []
        taken = self.stack[-count:]
        if any(item is MARK for item in taken):
            raise ValueError("a mark where a value should be")
        del self.stack[-count:]
        return taken

    def _to_mark(self) -> list[Any]:
        for k in range(len(self.stack) - 1, -1, -1):
            if self.stack[k] is MARK:
                taken = self.stack[k + 1 :]
                del self.stack[k:]
                return taken
        raise ValueError("no mark")

    def _collected(self, word: str) -> Any:
        items = self._to_mark()
        if word == "TUPLE":
            return tuple(items)
        if word == "LIST":
            return items
        if word == "FROZENSET":
            return frozenset(items)
        return dict(zip(items[::2], items[1::2], strict=True))

    def _fill(self, word: str) -> None:
        items = (
            self._to_mark() if word.endswith("S") else self._pop({"APPEND": 1, "SETITEM": 2}[word])
        )
        target = self.stack[-1]
        if word.startswith("APPEND") and type(target) is list:
            target.extend(items)
        elif word.startswith("SETITEM") and type(target) is dict:
            target.update(zip(items[::2], items[1::2], strict=True))
        elif word == "ADDITEMS" and type(target) is set:
            target.update(items)
        else:
            raise _Refused(f"{word} to a {type(target).__name__}")

    def _shuffle(self, word: str) -> None:
        if word == "DUP":
            self.stack.append(self.stack[-1])
        elif word == "POP":
            self.stack.pop()
        else:
            self._to_mark()

    def _named(self, module: Any, name: Any) -> Any:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("a name that is no text")
        if not (module in NUMPY and name in NUMPY_NAMES) and (module, name) not in OTHER_NAMES:
            raise _Refused(f"it asks for {module}.{name}"[:120])
        return _Name(module, name)


def _made(name: Any, arguments: Any) -> Any:
    """Return what a pickle would have called for."""
    if not isinstance(name, _Name) or not isinstance(arguments, tuple):
        raise _Refused("it calls what is no name")
    if name.is_numpy("dtype"):
        code = arguments[0]
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if code not in NUMBERS:
            raise _Refused(f"an array of {str(code)[:20]!r}, which are no numbers")
        return _DType(code)
    if name.is_numpy("_reconstruct"):
        return _Array()
    if name.is_numpy("_frombuffer"):
        raw, dtype, shape, order = arguments
        return _array(raw, dtype, shape, order == "F")
    if name.is_numpy("scalar"):
        dtype, raw = arguments
        return _array(raw, dtype, (), False)[()]
    if name.module == "_codecs":
        text, coding = arguments
        if coding not in {"latin1", "latin-1"} or not isinstance(text, str):
            raise _Refused("a text in an odd coding")
        return text.encode("latin-1")
    if (name.module, name.name) in EMPTY and not arguments:
        return EMPTY[name.module, name.name]()
    raise _Refused(f"it calls {name.module}.{name.name}")


def _built(target: Any, state: Any) -> None:
    """Give an array or its type the rest of what a pickle says about it."""
    if isinstance(target, _DType) and isinstance(state, tuple) and len(state) >= 3:
        order, fields = state[1], state[2:5]
        order = order.decode("ascii") if isinstance(order, bytes) else order
        if order not in {"<", ">", "|", "="} or any(field is not None for field in fields):
            raise _Refused("an array with fields")
        target.order = order
    elif isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
        _, shape, dtype, fortran, raw = state
        target.content = _array(raw, dtype, shape, bool(fortran))
    else:
        raise _Refused(f"it changes a {type(target).__name__.lstrip('_')}")


def _array(raw: Any, dtype: Any, shape: Any, fortran: bool) -> np.ndarray[Any, Any]:
    if isinstance(raw, str):  # of Python 2
        raw = raw.encode("latin-1")
    if not isinstance(raw, (bytes, bytearray)) or not isinstance(dtype, _DType):
        raise _Refused("an array of objects")
    shape = tuple(shape)
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("an array of an impossible shape")
    numbers = np.frombuffer(bytes(raw), dtype=dtype.real())
    return numbers.reshape(shape, order="F" if fortran else "C")


def _finished(value: Any, done: dict[int, Any]) -> Any:
    """Return a value with its arrays in place; what occurs twice is made once."""
    if isinstance(value, _Array):
        if value.content is None:
            raise ValueError("an array without content")
        return value.content
    if isinstance(value, (_Name, _DType)):
        raise _Refused("a name instead of data")
    if not isinstance(value, (dict, list, tuple)):
        return value
    if id(value) not in done:
        if isinstance(value, dict):
            done[id(value)] = {key: _finished(item, done) for key, item in value.items()}
        else:
            done[id(value)] = type(value)(_finished(item, done) for item in value)
    return done[id(value)]
