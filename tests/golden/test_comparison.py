"""The comparison with the golden records finds every difference, and only those."""

from __future__ import annotations

import random
import unittest
from collections.abc import Iterator
from dataclasses import replace

from golden.comparison import differences
from golden.deviations import expected_of_us, rows_without_use
from golden.masks import varying_positions
from golden.records import Record, golden_records

CONFIGURATIONS = ("default", "notombstones", "noschema")


def with_changed_byte(record: Record, position: int) -> Record:
    value = bytearray(record.value)
    value[position] ^= 1
    return replace(record, value=bytes(value))


def one_of_each_operation(records: list[Record]) -> Iterator[int]:
    for operation in (b"r", b"c", b"u", b"d"):
        yield next(number for number, record in enumerate(records)
                   if record.value and b'"op":"' + operation in record.value)


class Comparison(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.golden = {name: golden_records("4.4", name) for name in CONFIGURATIONS}

    def test_the_same_records_do_not_differ(self) -> None:
        for records in self.golden.values():
            self.assertEqual(differences(records, list(records)), [])

    def test_two_runs_of_the_same_configuration_do_not_differ(self) -> None:
        """`sanitize` has no effect on JSON, so its run is a second one of `default`."""
        second_run = expected_of_us(golden_records("4.4", "sanitize"))
        self.assertEqual(differences(expected_of_us(self.golden["default"]), second_run), [])

    def test_every_changed_byte_of_a_record_of_each_operation_is_found(self) -> None:
        records = self.golden["noschema"]
        for number in one_of_each_operation(records):
            varying = varying_positions(records[number].value)
            for position in set(range(len(records[number].value))) - varying:
                changed = with_changed_byte(records[number], position)
                self.assertTrue(differences([records[number]], [changed]), (number, position))

    def test_a_changed_byte_anywhere_among_all_records_is_found(self) -> None:
        chooser = random.Random(131)
        for records in self.golden.values():
            expected = expected_of_us(records)
            with_value = [n for n, record in enumerate(expected) if record.value is not None]
            for number in chooser.sample(with_value, 60):
                fixed = set(range(len(expected[number].value))) - varying_positions(
                    expected[number].value)
                changed = with_changed_byte(expected[number], chooser.choice(sorted(fixed)))
                ours = expected[:number] + [changed] + expected[number + 1:]
                self.assertEqual(len(differences(expected, ours)), 1)

    def test_little_of_a_record_may_vary(self) -> None:
        for record in self.golden["noschema"]:
            if record.value is not None:
                # version 11, times 13 + 13, ord 3, snapshot 5, stxnid 36 (+ number and quotes)
                self.assertLessEqual(len(varying_positions(record.value)), 11 + 26 + 3 + 5 + 43)

    def test_what_varies_must_have_its_form(self) -> None:
        [record] = [record for record in self.golden["noschema"]
                    if record.topic == "dbserver1.wl.zz_end"]
        for text, other in ((b'"ord":143', b'"ord":-143'), (b'"ord":143', b'"ord":"143"'),
                            (b'000,"snapshot"', b'001,"snapshot"'), (b":286", b":287"),
                            (b'"stxnid":"', b'"stxnid":"x'), (b'"h":null', b'"h":0')):
            self.assertIn(text, record.value)
            changed = replace(record, value=record.value.replace(text, other))
            self.assertTrue(differences([record], [changed]), other)

    def test_a_missing_a_repeated_and_an_added_record_are_found(self) -> None:
        records = self.golden["default"]
        for number in range(0, len(records), 25):
            self.assertTrue(differences(records, records[:number] + records[number + 1:]))
            self.assertTrue(differences(records, records[:number + 1] + records[number:]))
            other = replace(records[number], topic="dbserver1.other.topic")
            self.assertTrue(differences(records, [*records, other]))

    def test_a_tombstone_for_an_event_and_the_reverse_are_found(self) -> None:
        records = self.golden["default"]
        for number in range(0, len(records), 25):
            value = b"{}" if records[number].value is None else None
            changed = replace(records[number], value=value)
            self.assertTrue(
                differences(records, records[:number] + [changed] + records[number + 1:]))

    def test_a_changed_key_partition_or_header_is_found(self) -> None:
        record = self.golden["default"][0]
        for changed in (replace(record, key=record.key + b" "), replace(record, partition=1),
                        replace(record, headers=(("a", b"b"),))):
            self.assertTrue(differences([record], [changed]))

    def test_exchanged_streamed_records_of_two_keys_are_found(self) -> None:
        records = [record for record in self.golden["default"]
                   if record.topic == "dbserver1.wl.types" and not record.is_snapshot]
        records[3], records[4] = records[4], records[3]
        self.assertTrue(differences(self.golden_of("dbserver1.wl.types"), records))

    def test_snapshot_records_of_two_keys_may_be_exchanged(self) -> None:
        records = self.golden_of("dbserver1.wl.pre_types")
        self.assertEqual(differences(records, records[::-1]), [])

    def test_every_deviation_is_seen_in_the_golden_records(self) -> None:
        for name, records in self.golden.items():
            self.assertEqual(rows_without_use(records), [], name)

    def golden_of(self, topic: str) -> list[Record]:
        return [record for record in self.golden["default"] if record.topic == topic]


if __name__ == "__main__":
    unittest.main()
