"""The records of a log, one by one, with the line each begins on.

Lines are physical lines of the decompressed file, the first is 1: what an editor shows. A CSV
record may span several (a quoted line break); it is named by its first. Memory is bounded by
the longest record.
"""

import contextlib
import csv
import gzip
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from tracking.imports.mapping import Mapping, MappingError

#: A quote that is never closed would swallow the rest of the file: give up here.
MAX_RECORD_LINES = 1000
MAX_LINE_BYTES = 1_000_000
#: What is kept of a longer line, to know it by.
KEPT_BYTES = 2000
GZIP_MAGIC = b"\x1f\x8b"

Row = dict[str, Any]


class Record(NamedTuple):
    """One record: `row` by column, or None and what is wrong. `end` is its last line.

    `content` is what makes the record the same as another one.
    """

    line: int
    end: int
    row: Row | None
    content: str
    error: str = ""


def file_open(file: BinaryIO) -> BinaryIO:
    """The file as bytes to read lines from, decompressed when it is gzip by its first bytes."""
    magic = file.read(2)
    file.seek(0)
    if magic == GZIP_MAGIC:
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return file


def records_read(file: BinaryIO, mapping: Mapping, *, after_line: int = 0) -> Iterator[Record]:
    """The file's records that begin after a line.

    Raises MappingError when columns are missing: at once, before the first record is asked for.
    """
    lines = _Lines(file)
    if mapping.format == "csv":
        return _csv_records(lines, _header(lines, mapping), mapping.delimiter, after_line)
    return _json_records(lines, after_line)


def columns_read(file: BinaryIO, mapping: Mapping) -> list[str]:
    """The header of a CSV file, none of JSON lines; raises MappingError as `records_read` does."""
    return _header(_Lines(file), mapping) if mapping.format == "csv" else []


def record_again(content: str, mapping: Mapping, columns: list[str], *, line: int) -> Record:
    """The record of a line whose `content` was kept, as `records_read` would give it now."""
    file = io.BytesIO(content.encode())
    if mapping.format == "json_lines":
        records = _json_records(_Lines(file), 0)
    else:
        with contextlib.suppress(msgspec.DecodeError):
            values = msgspec.json.decode(content, type=list[str])
            return _csv_record(line, line, columns, values, content)
        records = _csv_records(_Lines(file), columns, mapping.delimiter, 0)
    record = next(records, Record(line, line, None, content, "an empty line"))
    return record._replace(line=line, end=line)


class _LongLine(str):
    """The beginning of a line beyond MAX_LINE_BYTES; the rest was not kept."""

    __slots__ = ()


class _Lines:
    """Lines of a file as text, numbered, and able to be taken back.

    A line that is too long, and a record of too many lines, is a csv.Error; what follows can
    still be read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.number = 0
        self.again: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self.again.pop() if self.again else self._read()
        self.number += 1
        self.taken.append(text)
        if isinstance(text, _LongLine):
            raise csv.Error(f"line {self.number} is longer than {MAX_LINE_BYTES:,} bytes")
        if len(self.taken) > MAX_RECORD_LINES:
            raise csv.Error("a quote is not closed")
        return text

    def _read(self) -> str:
        raw = self.file.readline(MAX_LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        if len(raw) <= MAX_LINE_BYTES:
            # Bytes that are no UTF-8 become lone surrogates, which no valid text holds.
            return raw.decode("utf-8", "surrogateescape")
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = self.file.readline(MAX_LINE_BYTES)
        return _LongLine(raw[:KEPT_BYTES].decode("utf-8", "surrogateescape"))

    def skip(self, through: int) -> None:
        while self.number < through:
            with contextlib.suppress(csv.Error):
                if next(self, None) is None:
                    return
            self.taken.clear()

    def take_back(self) -> str:
        """Return to the line after the record's first, which is given."""
        first, *rest = self.taken
        self.again.extend(reversed(rest))
        self.number -= len(rest)
        self.taken.clear()
        return first


def _csv_records(
    lines: _Lines, header: list[str], delimiter: str, after_line: int
) -> Iterator[Record]:
    lines.taken.clear()
    lines.skip(after_line)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        start = lines.number + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            raw = lines.take_back()
            reader = csv.reader(lines, delimiter=delimiter)
            yield Record(start, lines.number, None, _clean(raw), str(error))
            continue
        if values is None:
            return
        raw = "".join(lines.taken)
        lines.taken.clear()
        if not values:
            continue  # an empty line
        yield _csv_record(start, lines.number, header, values, raw)


def _csv_record(start: int, end: int, header: list[str], values: list[str], raw: str) -> Record:
    if not raw.isascii() and (error := _encoding_error(raw)):
        return Record(start, end, None, _clean(raw), error)
    if len(values) != len(header):
        problem = f"{len(values)} values for {len(header)} columns"
        return Record(start, end, None, _clean(raw), problem)
    content = msgspec.json.encode(values).decode()
    return Record(start, end, dict(zip(header, values, strict=True)), content)


def _header(lines: _Lines, mapping: Mapping) -> list[str]:
    try:
        names = next(csv.reader(lines, delimiter=mapping.delimiter), None)
    except csv.Error as error:
        raise MappingError(f"The first line holds no column names: {error}.") from error
    if not names:
        raise MappingError("The file is empty: its first line should hold the column names.")
    names[0] = names[0].removeprefix("\ufeff")
    if missing := sorted(mapping.columns() - set(names)):
        raise MappingError(
            f"The file has no column {', '.join(map(repr, missing))}. It has: {', '.join(names)}."
        )
    return names


def _json_records(lines: _Lines, after_line: int) -> Iterator[Record]:
    lines.skip(after_line)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    while True:
        try:
            text = next(lines, None)
        except csv.Error as too_long:
            yield Record(lines.number, lines.number, None, _clean(lines.take_back()), str(too_long))
            continue
        if text is None:
            return
        lines.taken.clear()
        raw, number = text.strip().removeprefix("\ufeff"), lines.number
        if not raw:
            continue
        row: Row | None = None
        error = _encoding_error(raw)
        if not error:
            try:
                row = decode(raw)
            except (msgspec.DecodeError, RecursionError) as problem:
                error = str(problem)
        yield Record(number, number, row, raw if row is not None else _clean(raw), error)


def _encoding_error(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not UTF-8 text"
    return ""


def _clean(raw: str) -> str:
    """Text that can be stored: what is no UTF-8 is replaced."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
