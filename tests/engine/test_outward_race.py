"""Checks that start at the same time ask no more new places than checks one after the other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry
from installer_tasks.preflight import outward

AT_ONCE = 12


@pytest.mark.django_db(transaction=True)
def test_checks_at_the_same_time_are_counted_one_after_the_other() -> None:
    """Each of them about a place of its own, as one person can start them in many tabs; two count the same place once."""
    person = User.objects.create_user("ida")
    made = [saved_answers.create_installation(f"scan {number}") for number in range(AT_ONCE)]
    for one in made:
        saved_answers.save_answers(one, {"registry.project": "registry.invalid:1/tmc"}, person=person)
    free = 3
    AuditEntry.objects.bulk_create(
        AuditEntry(action=outward.ACTION, person=person, detail={"place": "x"}) for _ in range(outward.MOST - free)
    )
    barrier = threading.Barrier(AT_ONCE * 2)

    def ask(number: int) -> bool:
        barrier.wait()
        try:
            place = f"registry.invalid:{number % AT_ONCE + 1}/tmc"
            return not outward.refusals(made[number % AT_ONCE], ["registry"], {"registry.project": place})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE * 2) as pool:
        let_through = list(pool.map(ask, range(AT_ONCE * 2)))
    assert AuditEntry.objects.filter(action=outward.ACTION, person=person).count() == outward.MOST
    assert sum(let_through) == free * 2
