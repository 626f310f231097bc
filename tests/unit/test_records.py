"""The records to create, in every form, read by those who would read them."""

from __future__ import annotations

import csv

import dns.zone
import pytest

from installer_tasks.systems.dns import records

NAMES = ("tmc.example.com", "console.s3.tmc.example.com")
ADDRESS = "10.0.0.9"


@pytest.mark.parametrize(("target", "kind"), [(ADDRESS, "A"), ("fd00::9", "AAAA"), ("lb.cloud.example", "CNAME")])
def test_a_zone_file_is_read_by_a_parser_of_zone_files(target: str, kind: str) -> None:
    head = "@ 300 IN SOA ns hostmaster 1 2 3 4 5\n"
    zone = dns.zone.from_text(
        head + records.zone_file(NAMES[1:], target), NAMES[0], check_origin=False, relativize=False
    )
    found = zone.find_rdataset(f"{NAMES[1]}.", kind)
    assert (found.ttl, found[0].to_text().rstrip(".")) == (records.TTL, target)


def test_csv_has_a_head_and_a_row_a_name() -> None:
    rows = list(csv.DictReader(records.as_csv(NAMES, ADDRESS).splitlines()))
    assert [row["name"] for row in rows] == list(NAMES)
    assert {(row["type"], row["value"]) for row in rows} == {("A", ADDRESS)}


def test_a_server_with_its_port_heads_the_update() -> None:
    lines = records.nsupdate(NAMES, ADDRESS, server="10.0.0.53:5353", zone=NAMES[0]).splitlines()
    assert lines[:2] == ["server 10.0.0.53 5353", f"zone {NAMES[0]}."]
    assert lines[-2:] == [f"update add {NAMES[1]}. 300 A {ADDRESS}", "send"]


def test_a_hosts_file_takes_no_alias() -> None:
    assert records.hosts_file(NAMES, ADDRESS) in records.all_forms(NAMES, ADDRESS)
    assert "hosts" not in records.all_forms(NAMES, "lb.cloud.example")
