"""The ledger against a plain-Python model of itself, under random operations (REL section 2, last paragraph)."""

import uuid

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from extensions.models import UnitEntry, UnitLedger
from library.models import Account
from mediahub.lib import clock

Kind = UnitEntry.Kind
AMOUNTS = st.integers(min_value=1, max_value=200)


class LedgerMachine(RuleBasedStateMachine):
    """Grants, holds, posts, voids, wrong amounts, double closes and tampering, beside three integers."""

    def __init__(self):
        super().__init__()
        account = Account.objects.create(slug=f"m{uuid.uuid4().hex[:12]}", webhook_secret_token="x")
        self.overage = 25
        self.ledger = UnitLedger.objects.create(
            account=account, period_start=clock.now().date(), overage=self.overage, created_at=clock.now()
        )
        self.granted = self.held = self.spent = 0
        self.open: dict[uuid.UUID, int] = {}
        self.closed: dict[uuid.UUID, int] = {}

    def insert(self, kind, amount, run_id=None):
        """Whether the database took the entry."""
        try:
            with transaction.atomic():
                UnitEntry.objects.create(
                    ledger=self.ledger, kind=kind, amount=amount, run_id=run_id, created_at=clock.now()
                )
        except DatabaseError:
            return False
        return True

    @rule(amount=AMOUNTS)
    def grant(self, amount):
        assert self.insert(Kind.GRANT, amount)
        self.granted += amount

    @rule(amount=AMOUNTS)
    def hold(self, amount):
        run = uuid.uuid4()
        fits = self.held + self.spent + amount <= self.granted + self.overage
        assert self.insert(Kind.HOLD, amount, run) == fits
        if fits:
            self.held += amount
            self.open[run] = amount

    @precondition(lambda self: self.open)
    @rule(kind=st.sampled_from([Kind.POST, Kind.VOID]), pick=st.integers(min_value=0))
    def close(self, kind, pick):
        run = sorted(self.open)[pick % len(self.open)]
        amount = self.open.pop(run)
        assert self.insert(kind, amount, run)
        self.closed[run] = amount
        self.held -= amount
        self.spent += amount if kind == Kind.POST else 0

    @precondition(lambda self: self.open)
    @rule(kind=st.sampled_from([Kind.POST, Kind.VOID]), extra=AMOUNTS)
    def close_with_a_wrong_amount(self, kind, extra):
        run = sorted(self.open)[0]
        assert not self.insert(kind, self.open[run] + extra, run)

    @precondition(lambda self: self.closed)
    @rule(kind=st.sampled_from([Kind.POST, Kind.VOID, Kind.HOLD]))
    def use_a_closed_run_again(self, kind):
        run, amount = next(iter(self.closed.items()))
        assert not self.insert(kind, amount, run)

    @rule(kind=st.sampled_from([Kind.POST, Kind.VOID]), amount=AMOUNTS)
    def close_what_was_never_held(self, kind, amount):
        assert not self.insert(kind, amount, uuid.uuid4())

    @rule(amount=AMOUNTS)
    def take_back(self, amount):
        fits = self.granted - amount >= 0 and self.held + self.spent <= self.granted - amount + self.overage
        assert self.insert(Kind.ADJUST_DOWN, amount) == fits
        self.granted -= amount if fits else 0

    @rule(column=st.sampled_from(["granted", "held", "spent"]), value=st.integers(min_value=10**6, max_value=10**7))
    def tamper(self, column, value):
        with pytest.raises(DatabaseError), transaction.atomic():
            UnitLedger.objects.filter(pk=self.ledger.pk).update(**{column: value})

    @invariant()
    def balances_are_the_models(self):
        self.ledger.refresh_from_db()
        assert (self.ledger.granted, self.ledger.held, self.ledger.spent) == (self.granted, self.held, self.spent)


@pytest.mark.rel("L1", "L2", "L4", "L5", "L6")
@pytest.mark.django_db
def test_the_ledger_agrees_with_its_model():
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
